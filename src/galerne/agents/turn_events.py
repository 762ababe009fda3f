"""What happens in a turn: a `TurnStart`, the outputs one after the other, and a `TurnEnd`.

An output is an `EntryStart`, what it grows by, and an `EntryEnd`.
"""

from __future__ import annotations

from dataclasses import dataclass

from galerne.protocol.entries import FunctionCallEntry, MessageOutputEntry, OutputEntry


@dataclass(frozen=True, slots=True)
class TurnStart:
    """The question is accepted."""

    thread: str  # where it was asked


@dataclass(frozen=True, slots=True)
class EntryStart:
    """An output begins."""

    index: int  # among the outputs of the turn
    entry: OutputEntry  # as far as it is known


@dataclass(frozen=True, slots=True)
class EntryThought:
    """The reasoning before a message's text grows."""

    index: int
    entry: MessageOutputEntry  # as it began
    text: str


@dataclass(frozen=True, slots=True)
class EntryText:
    """The text of a message grows."""

    index: int
    entry: MessageOutputEntry  # as it began
    text: str
    part: int  # of the content: 1 behind reasoning, else 0


@dataclass(frozen=True, slots=True)
class EntryArguments:
    """The arguments of a call grow, perhaps by nothing."""

    index: int
    entry: FunctionCallEntry  # as it began
    arguments: str  # a piece of JSON


@dataclass(frozen=True, slots=True)
class EntryEnd:
    """An output is complete, or cut off."""

    index: int
    entry: OutputEntry


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """All is said; the turn is kept."""

    cut: bool  # the last answer by the limit of its length
    prompt_tokens: int  # of all answers, as the others
    cached_tokens: int  # of the prompts
    completion_tokens: int
    reasoning_tokens: int = 0  # of those


TurnEvent = TurnStart | EntryStart | EntryThought | EntryText | EntryArguments | EntryEnd | TurnEnd
