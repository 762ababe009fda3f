"""One participant's answer: pieces -> the outputs of a turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from galerne.agents.answers import Accepted, AnswerPiece, Call, Finished, Question, Text, Thought
from galerne.agents.handoffs import Handoffs
from galerne.agents.outputs import Outputs
from galerne.agents.participant import Participant
from galerne.agents.threads import new_id
from galerne.agents.transcript import messages_of
from galerne.agents.turn_events import TurnEvent
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.entries import AgentHandoffEntry, Entry

ONE_CALL = CompletionArgs(parallel_tool_calls=False)
"""Who can pass a conversation on calls one function at a time: not one, and away at once."""


class Speaker:
    """Writes what the participant says. A call that passes the conversation on is not written, but told at the end."""

    def __init__(self, participant: Participant, outputs: Outputs, *, may_pass_on: bool) -> None:
        self._participant = participant if may_pass_on else replace(participant, colleagues=())
        self._handoffs = Handoffs(self._participant)
        self._outputs = outputs
        self._id = new_id("msg")
        outputs.begin(self._participant, self._id)
        self._spoke = False
        self._passing_on: int | None = None  # the number of the call that does it
        self.handoff: AgentHandoffEntry | None = None
        self.finished: Finished | None = None

    def question(self, entries: Sequence[Entry], id: str | None) -> Question:
        """What the participant is asked after these entries; `id` names the answer (by default, its message's does)."""
        participant, handoffs = self._participant, self._handoffs.tools
        args = participant.completion_args
        return Question(
            id=id or self._id,
            model=participant.model,
            messages=messages_of(entries, participant.instructions),
            tools=[*participant.tools, *handoffs],
            completion_args=ONE_CALL.over(args) if handoffs else args,
        )

    def write(self, piece: AnswerPiece) -> Iterator[TurnEvent]:
        """What comes of a piece."""
        match piece:
            case Thought():
                self._spoke = True
                yield from self._outputs.think(piece.text)
            case Text():
                self._spoke = True
                yield from self._outputs.say(piece.text)
            case Call():
                self._spoke = True
                yield from self._write_call(piece)
            case Finished():
                if not self._spoke:
                    yield from self._outputs.say("")
                yield from self._outputs.end(cut=piece.cut)
                self.finished = piece
                self.handoff = None if piece.cut else self.handoff
            case Accepted():
                pass

    def _write_call(self, piece: Call) -> Iterator[TurnEvent]:
        if piece.id is not None and piece.name is not None:
            if (colleague := self._handoffs.colleague(piece.name)) is not None:
                self._passing_on, self.handoff = piece.number, self._handoffs.entry(colleague)
            else:
                yield from self._outputs.call(piece.id, piece.name)
        if piece.number != self._passing_on:
            yield from self._outputs.argue(piece.arguments)
