"""What an answer may be beside text: a form, calls of tools, reasoning before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from galerne.prompt.answer_parser import AnswerParser
from galerne.prompt.tool_format import Thinking, ToolFormat


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """`AnswerForms` sets every field."""

    grammar: str | None = None  # which every token follows
    calls: ToolFormat | None = None  # None: there are none
    thinking: Thinking | None = None  # None: there is none
    thinks_already: bool = False  # the prompt has opened the reasoning
    expected: tuple[int, ...] = ()  # what it may well be
    spelled: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))  # control tokens between the parts

    def parser(self) -> AnswerParser:
        return AnswerParser(self.calls, self.thinking, thinks_already=self.thinks_already)


JUST_TEXT = AnswerForm()
