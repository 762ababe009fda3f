"""One go of a conversation: what was said is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from galerne.agents.answers import Accepted, Answers, Finished, Question, Text
from galerne.agents.outputs import Outputs
from galerne.agents.participant import Participant
from galerne.agents.transcript import check_results, messages_of
from galerne.agents.turn_events import TurnEnd, TurnEvent, TurnStart
from galerne.errors import InvalidRequest
from galerne.protocol.entries import Entry, OutputEntry


class Turn:
    """Puts the entries so far to whoever answers. `outputs` is what was said, however the turn ended."""

    def __init__(
        self, thread: str, entries: Sequence[Entry], participant: Participant, answers: Answers, *, where: str
    ) -> None:
        """Raises `InvalidRequest` for entries that do not fit together, and for none; `where` names their field."""
        check_results(entries, where)
        if not entries:
            raise InvalidRequest("nothing was said yet.", where=where)
        self._thread = thread
        self._entries = entries
        self._participant = participant
        self._answers = answers
        self._written = Outputs()

    @property
    def outputs(self) -> list[OutputEntry]:
        return self._written.entries

    async def events(self) -> AsyncGenerator[TurnEvent]:
        """Raises what `Answers.answer` raises. Closing it cuts off what is being said."""
        participant = self._participant
        question = Question(
            participant.model, messages_of(self._entries, participant.instructions), participant.completion_args
        )
        try:
            async with aclosing(self._answers.answer(question)) as pieces:
                async for piece in pieces:
                    match piece:
                        case Accepted():
                            yield TurnStart(self._thread)
                        case Text():
                            for event in self._written.say(piece.text, participant.model, participant.agent_id):
                                yield event
                        case Finished():
                            for event in self._finish(piece):
                                yield event
        finally:
            list(self._written.end(cut=True))

    def _finish(self, piece: Finished) -> Iterator[TurnEvent]:
        if self._written.nothing:
            yield from self._written.say("", self._participant.model, self._participant.agent_id)
        yield from self._written.end(cut=piece.cut)
        yield TurnEnd(piece.cut, piece.prompt_tokens, piece.cached_tokens, piece.completion_tokens)
