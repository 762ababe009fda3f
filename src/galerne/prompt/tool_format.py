"""How each family of models writes the calls of tools, and thinks before it answers.

Sources: https://github.com/NousResearch/Hermes-Function-Calling, the `InstructTokenizer`s of `mistral-common`,
https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/prompt_format.md
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """The form of calls: an opening, the name of a tool, the middle, its arguments in JSON, a closing.

    Where a piece is spelled as one of the model's control tokens, it is that token.
    """

    openings: tuple[str, ...]  # before the first call's name; the first form is the usual one
    middle: str
    closing: str
    again: str = ""  # before the name of a further call; "": there is never more than one
    end: str = ""  # behind the last call
    marker: str = ""  # with which every opening begins, and no text does; "": a call begins as a text might


HERMES = ToolFormat(
    openings=('<tool_call>\n{"name": "',),
    middle='", "arguments": ',
    closing="}\n</tool_call>",
    again='\n<tool_call>\n{"name": "',
    marker="<tool_call>",
)
"""Hermes, Qwen, SmolLM3 and others that converse in ChatML; also for models that were never taught a form."""

MISTRAL_LIST = ToolFormat(
    openings=('[TOOL_CALLS][{"name": "', '[TOOL_CALLS] [{"name": "'),  # SentencePiece begins a text with a space
    middle='", "arguments": ',
    closing="}",
    again=', {"name": "',
    end="]",
    marker="[TOOL_CALLS]",
)
"""Mistral, up to the 7th version of its tokenizers."""

MISTRAL_NAMED = ToolFormat(
    openings=("[TOOL_CALLS]",), middle="[ARGS]", closing="", again="[TOOL_CALLS]", marker="[TOOL_CALLS]"
)
"""Mistral, from the 11th version on."""

LLAMA = ToolFormat(
    openings=('{"name": "', '<|python_tag|>{"name": "'),
    middle='", "parameters": ',
    closing="}",
)
"""Llama 3: one call is the whole answer, and an answer that begins with a brace is a call."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """Between which words a model thinks."""

    opening: str
    closing: str


MISTRAL_THINKING = Thinking("[THINK]", "[/THINK]")
TAGGED_THINKING = Thinking("<think>", "</think>")


def tool_format_of(template: str) -> ToolFormat | None:
    """The form that a chat template tells the model, or shows in earlier answers; None when it knows no tools, or a
    form that is not known here."""
    if "tools" not in template:
        return None
    if "[TOOL_CALLS]" in template:
        return MISTRAL_NAMED if "[ARGS]" in template else MISTRAL_LIST
    if "<tool_call>" in template and "<function=" not in template:
        return HERMES
    if '"parameters": ' in template and "<|eot_id|>" in template:
        return LLAMA
    return None


def thinking_of(template: str) -> Thinking | None:
    """How a model thinks whose template has these words."""
    return next((each for each in (MISTRAL_THINKING, TAGGED_THINKING) if each.closing in template), None)
