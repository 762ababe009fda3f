"""An answer's text -> its reasoning, its text and its calls, as they come.

The answer has the form that `answer_grammar` gives it: what begins as a call is one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from galerne.prompt.stops import StopStrings
from galerne.prompt.tool_format import Thinking, ToolFormat

Result = TypeVar("Result")
State = Generator[None, str, Result]
"""A part of the parser: is sent pieces of text, until it comes to its result."""

Kind = Literal["text", "thinking", "name", "arguments", "mark"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer. A name begins a call, and is never cut. Marks are between the others, and never shown."""

    kind: Kind
    text: str


class AnswerParser:
    """Puts every character that it is pushed into some piece, as soon as it is certain which."""

    def __init__(
        self, format: ToolFormat | None = None, thinking: Thinking | None = None, *, thinks_already: bool = False
    ) -> None:
        """Without a `format` there are no calls, without `thinking` there is no reasoning; `thinks_already`: the prompt
        has opened it."""
        self.thinks = False  # what comes now is reasoning
        self._pieces: list[Piece] = []  # not yet taken
        self._held = Piece("text", "")  # not certain
        self._rest = ""  # behind the last mark
        self._state = self._answer(format, thinking, thinks_already)
        next(self._state)

    def push(self, text: str) -> list[Piece]:
        self._state.send(text)
        return self._take()

    def finish(self) -> list[Piece]:
        """What was held back."""
        self._give(self._held.kind, self._held.text)
        self._held = Piece("text", "")
        return self._take()

    def _answer(self, format: ToolFormat | None, thinking: Thinking | None, thinks_already: bool) -> State[None]:
        if thinking is not None and (thinks_already or (yield from self._begins([thinking.opening]))):
            self.thinks = True
            yield from self._until("thinking", thinking.closing)
            self.thinks = False
            yield from self._gap()
        if format is None:
            yield from self._all("text")
        elif format.marker:
            yield from self._until("text", *format.openings)
        elif not (yield from self._begins(format.openings)):
            yield from self._all("text")
        assert format is not None
        while True:
            yield from self._name(format.middle)
            yield from self._arguments()
            yield from self._until("mark", format.again) if format.again else self._all("mark")

    def _all(self, kind: Kind) -> State[None]:
        """Everything from here on."""
        while True:
            self._give(kind, self._rest)
            self._rest = yield

    def _until(self, kind: Kind, *marks: str) -> State[None]:
        """Everything up to a mark."""
        spotter = StopStrings(marks)
        text = held = self._rest
        while True:
            shown, found = spotter.push(text)
            self._give(kind, shown)
            if found is not None:
                self._give("mark", found)
                self._rest = spotter.rest
                return
            held = held[len(shown) :]
            text = yield from self._more(kind, held)
            held += text

    def _begins(self, marks: Sequence[str]) -> State[bool]:
        """Whether it begins with a mark."""
        text = self._rest
        while any(mark.startswith(text) and mark != text for mark in marks):
            text += yield from self._more("text", text)
        mark = next((mark for mark in marks if text.startswith(mark)), "")
        self._give("mark", mark)
        self._rest = text[len(mark) :]
        return bool(mark)

    def _gap(self) -> State[None]:
        """White space, to be left out."""
        text = self._rest
        while not text.strip():
            self._give("mark", text)
            text = yield
        self._rest = text.lstrip()
        self._give("mark", text[: len(text) - len(self._rest)])

    def _name(self, end: str) -> State[None]:
        text = self._rest
        while end not in text:
            text += yield from self._more("mark", text)
        name, _, self._rest = text.partition(end)
        self._give("name", name)
        self._give("mark", end)

    def _arguments(self) -> State[None]:
        """A JSON object, up to its last brace."""
        depth, quoted, escaped = 0, False, False
        text = self._rest
        while True:
            for place, character in enumerate(text):
                if escaped:
                    escaped = False
                elif quoted:
                    quoted, escaped = character != '"', character == "\\"
                elif character == '"':
                    quoted = True
                elif character in "{}":
                    depth += 1 if character == "{" else -1
                    if not depth:
                        self._give("arguments", text[: place + 1])
                        self._rest = text[place + 1 :]
                        return
            self._give("arguments", text)
            text = yield

    def _more(self, kind: Kind, held: str) -> State[str]:
        """The next text, while this much waits for it: at the end it would be of that kind."""
        self._held = Piece(kind, held)
        text = yield
        self._held = Piece("text", "")
        return text

    def _give(self, kind: Kind, text: str) -> None:
        if text:
            self._pieces.append(Piece(kind, text))

    def _take(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces
