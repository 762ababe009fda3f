"""The grammar of an answer that may hold more than text: reasoning, a form, calls of tools.

    answer = [reasoning] (text or form | [text] calls)

Source: https://github.com/guidance-ai/llguidance/blob/main/docs/syntax.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from galerne.errors import InvalidRequest
from galerne.prompt.control_spellings import ControlSpellings
from galerne.prompt.grammars import GrammarPart, SchemaPart
from galerne.prompt.tool_format import Thinking, ToolFormat

ANY_ARGUMENTS: Mapping[str, Any] = {"type": "object"}

MOST_CALLS = 32
"""In one answer: a small model may repeat itself for ever."""

_TERMINALS = "TEXT: /(.|\\n)*/\nOTHER: /([^{](.|\\n)*)?/\nGAP: /[ \\n]{1,4}/\n"


@dataclass(frozen=True, slots=True)
class CallableTool:
    """A tool that the answer may call."""

    name: str
    arguments: Mapping[str, Any]  # their JSON schema
    where: str  # the field that it comes from
    strict: bool  # its arguments follow the schema, or the request is refused


@dataclass(frozen=True, slots=True)
class Calls:
    """Which calls an answer may hold."""

    tools: Sequence[CallableTool]  # at least one
    forced: bool  # there must be a call
    parallel: bool  # there may be several

    @property
    def loosened(self) -> Calls:
        """The same for a schema that cannot be followed: where no call is forced, any object does for a tool that is
        not strict."""
        if self.forced:
            return self
        tools = [tool if tool.strict else replace(tool, arguments=ANY_ARGUMENTS) for tool in self.tools]
        return replace(self, tools=tools)


@dataclass(frozen=True, slots=True)
class AnswerGrammar:
    """Writes the grammar for one model. Whoever asks sets every field."""

    spellings: ControlSpellings
    format: ToolFormat
    thinking: Thinking | None = None
    thinks_already: bool = False  # the prompt has opened the reasoning

    def parts(self, form: Sequence[GrammarPart], calls: Calls | None) -> list[GrammarPart]:
        """`form`: what the text must be, if anything. Raises `InvalidRequest`."""
        if self.thinking is None and calls is None:
            return ["start: ", *form]
        start = "start: reasoning? rest\n" if not self.thinks_already else "start: reasoning rest\n"
        parts: list[GrammarPart] = [start if self.thinking else "start: rest\n", _TERMINALS, *self._reasoning()]
        if form:
            parts += ["content: ", *form, "\n"]
        if calls is None:
            return [*parts, "rest: content\n"]
        if calls.forced:
            return [*parts, "rest: first\n", *self._first(self._any_opening()), *self._calls(calls)]
        return [*parts, *self._optional_calls(bool(form)), *self._calls(calls)]

    def _reasoning(self) -> list[GrammarPart]:
        if self.thinking is None:
            return []
        opening = "" if self.thinks_already else f"{self._lark(self.thinking.opening)} "
        return [f"reasoning: {opening}reasoned GAP?\n", *self._up_to("reasoned", self.thinking.closing)]

    def _up_to(self, rule: str, marker: str) -> list[GrammarPart]:
        """A rule for any text up to the marker, which ends it."""
        if self.spellings.is_control(marker):
            return [f"{rule}: TEXT {self._lark(marker)}\n"]
        return [f"{rule}[lazy]: TEXT {self._lark(marker)}\n"]

    def _optional_calls(self, has_form: bool) -> list[GrammarPart]:
        marker = self.format.marker
        if has_form and not marker:
            raise InvalidRequest(
                "this model's calls cannot be told from JSON: ask for a form of the answer, or for tools.",
                where="tools",
            )
        if has_form:
            return ["rest: content | first\n", *self._first(self._any_opening())]
        if not marker:
            return ["rest: content | first\ncontent: OTHER\n", *self._first(self._any_opening())]
        rests = " | ".join(self._lark(opening.removeprefix(marker)) for opening in self.format.openings)
        return [
            "rest: content | first\ncontent: TEXT\n",
            *self._up_to("marked", marker),
            *self._first(f"marked ({rests})"),
        ]

    def _any_opening(self) -> str:
        return f"({' | '.join(map(self._lark, self.format.openings))})"

    def _first(self, opening: str) -> list[GrammarPart]:
        return [f"first: {opening} call further{self._lark(self.format.end)}\n"]

    def _calls(self, calls: Calls) -> list[GrammarPart]:
        again = f"({self._lark(self.format.again)} call){{0,{MOST_CALLS - 1}}}" if self.format.again else ""
        names = " | ".join(f"call_{number}" for number in range(len(calls.tools)))
        parts: list[GrammarPart] = [
            f"further: {again if calls.parallel else ''}\n",
            f"call: ({names}){self._lark(self.format.closing)}\n",
        ]
        for number, tool in enumerate(calls.tools):
            head = self._lark(tool.name + self.format.middle)
            parts += [f"call_{number}: {head} ", SchemaPart(tool.arguments, tool.where), "\n"]
        return parts

    def _lark(self, text: str) -> str:
        """The text in the grammar's language, with control tokens by their numbers, after a space."""
        pieces = self.spellings.cut(text)
        return "".join(f" <[{piece}]>" if isinstance(piece, int) else f" {json.dumps(piece)}" for piece in pieces)
