"""What a request says of its answers -> their form, and what the model is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from galerne.errors import BadGrammar, InvalidRequest
from galerne.flows.answer_events import Prompt
from galerne.flows.answer_form import JUST_TEXT, AnswerForm
from galerne.flows.served import ServedModel
from galerne.prompt.answer_grammar import AnswerGrammar, CallableTool, Calls
from galerne.prompt.control_spellings import ControlSpellings
from galerne.prompt.conversation import check_length
from galerne.prompt.grammars import GrammarPart, Grammars, PatternPart, SchemaPart
from galerne.prompt.instructions import instructed, made_safe, schema_instruction
from galerne.prompt.tokenizer import Tokenizer
from galerne.protocol.chat import ChatRequest
from galerne.protocol.messages import Message
from galerne.protocol.tools import Function, NamedTool
from galerne.settings import Settings

NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}

# Words between the parts of an answer, which some models have control tokens for.
_WORDS = ("[TOOL_CALLS]", "[ARGS]", "<tool_call>", "</tool_call>", "<|python_tag|>")


class AnswerForms:
    """The forms of chats' answers."""

    def __init__(self, settings: Settings) -> None:
        self._grammars = Grammars(settings)

    async def check(self, request: ChatRequest, model: ServedModel) -> None:
        """Raises `BadGrammar`, `InvalidRequest` for what cannot be followed, before a prompt is made of it."""
        text, calls = _text_form(request), _calls(request)
        if text is not None or calls is not None:
            await self._compile(AnswerGrammar(_spellings(model), model.template.tool_format), text, calls)

    async def of(self, request: ChatRequest, model: ServedModel, prompt: Prompt) -> AnswerForm:
        """The form of the answers that go on from a prompt. Raises `BadGrammar`, `InvalidRequest`."""
        text, calls, thinking = _text_form(request), _calls(request), model.template.thinking
        expected = await _expected(request, model)
        if calls is None and text is None and thinking is None:
            return replace(JUST_TEXT, expected=expected)
        spellings = _spellings(model)
        form = AnswerForm(
            calls=model.template.tool_format if calls else None,
            thinking=thinking,
            expected=expected,
            thinks_already=thinking is not None and _ends_with(thinking.opening, prompt, model.tokenizer),
            spelled={token: word for word, token in spellings.tokens.items()},
        )
        if calls is None and text is None:
            return form
        grammar = AnswerGrammar(spellings, model.template.tool_format, thinking, form.thinks_already)
        return replace(form, grammar=await self._compile(grammar, text, calls))

    async def _compile(self, grammar: AnswerGrammar, text: _TextForm | None, calls: Calls | None) -> str:
        where, parts = (text.where, text.parts) if text else ("tools", ())
        try:
            return await self._grammars.compile(grammar.parts(parts, calls), where)
        except BadGrammar:
            if calls is None or calls.loosened == calls:
                raise
            return await self._grammars.compile(grammar.parts(parts, calls.loosened), where)


def _spellings(model: ServedModel) -> ControlSpellings:
    thinking = model.template.thinking
    return ControlSpellings(model.tokenizer, [*_WORDS, *((thinking.opening, thinking.closing) if thinking else ())])


@dataclass(frozen=True, slots=True)
class _TextForm:
    """What the answer's text must be."""

    parts: Sequence[GrammarPart]
    where: str  # the field that asks for it


def _text_form(request: ChatRequest) -> _TextForm | None:
    outputs, form = request.structured_outputs, request.response_format
    if outputs is not None and outputs.regex is not None:
        where = "structured_outputs.regex"
        return _TextForm([PatternPart(outputs.regex, where)], where)
    if outputs is not None and outputs.choice is not None:
        return _TextForm([" | ".join(json.dumps(choice) for choice in outputs.choice)], "structured_outputs.choice")
    if form is not None and form.json_schema is not None:
        where = "response_format.json_schema.schema"
        return _TextForm([SchemaPart(form.json_schema.answers, where)], where)
    if form is not None and form.type == "json_object":
        return _TextForm([SchemaPart({"type": "object"}, "response_format")], "response_format")
    return None


def _calls(request: ChatRequest) -> Calls | None:
    """Raises `InvalidRequest`."""
    if not request.may_call:
        return None
    tools = [
        CallableTool(
            tool.function.name,
            _arguments(tool.function, f"tools[{index}].function.parameters"),
            where=f"tools[{index}].function.parameters",
            strict=bool(tool.function.strict),
        )
        for index, tool in enumerate(request.tools or ())
        if not request.chosen_tools or tool.function.name in request.chosen_tools
    ]
    named = isinstance(request.tool_choice, NamedTool)  # this tool, once, unless several calls are asked for
    parallel = not named if request.parallel_tool_calls is None else request.parallel_tool_calls
    return Calls(tools, request.must_call, parallel)


def _arguments(function: Function, where: str) -> Mapping[str, Any]:
    """The schema of a call's arguments, which are an object."""
    if function.parameters is None:
        return NO_ARGUMENTS
    if function.parameters.get("type", "object") != "object":
        raise InvalidRequest("the arguments of a call are an object.", where=f"{where}.type")
    return {"type": "object", **function.parameters}


async def _expected(request: ChatRequest, model: ServedModel) -> tuple[int, ...]:
    """Raises `PromptTooLong`."""
    if request.prediction is None:
        return ()
    text, context = request.prediction.text, model.generator.context_length
    check_length(text, model.tokenizer.longest, context, where="prediction")
    return tuple(await asyncio.to_thread(model.tokenizer.encode, text))[:context]


def _ends_with(word: str, prompt: Prompt, tokenizer: Tokenizer) -> bool:
    last = "".join(tokenizer.token_text(token) for token in prompt.tokens[-2 * len(word) :])
    return last.rstrip().endswith(word)


def told_messages(request: ChatRequest) -> list[Message]:
    """The conversation, and what the model is told beside it."""
    messages = made_safe(request.messages) if request.safe_prompt else request.messages
    form = request.response_format and request.response_format.json_schema
    return instructed(messages, schema_instruction(form.answers, form.description)) if form else list(messages)


def told_tools(request: ChatRequest) -> list[Mapping[str, Any]]:
    """The tools as templates know them."""
    if not request.may_call:
        return []
    return [
        {
            "type": "function",
            "function": {
                "name": tool.function.name,
                "description": tool.function.description or "",
                "parameters": tool.function.parameters or {"type": "object", "properties": {}},
            },
        }
        for tool in request.tools or ()
    ]
