"""One go of a conversation: what was said is answered, by one participant or, where agents pass it on, by several."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from galerne.agents.answers import Accepted, Answers, Finished, Question
from galerne.agents.outputs import Outputs
from galerne.agents.participant import Agents, Participant
from galerne.agents.speaker import Speaker
from galerne.agents.transcript import check_results
from galerne.agents.turn_events import TurnEnd, TurnEvent, TurnStart
from galerne.errors import InvalidRequest
from galerne.protocol.entries import Entry, OutputEntry


@dataclass(frozen=True, slots=True)
class Passing:
    """How agents pass a conversation on. The flow sets every field."""

    agents: Agents
    most: int  # times in a turn
    by_client: bool  # which ends the turn, so that the client can


class Turn:
    """Puts the entries so far to whoever answers. `outputs` is what was said, however the turn ended."""

    def __init__(
        self,
        thread: str,
        entries: Sequence[Entry],
        participant: Participant,
        answers: Answers,
        passing: Passing | None = None,
        *,
        where: str,
        answer_id: str | None = None,
    ) -> None:
        """`answer_id` names the only answer; None: each has its message's id.

        Raises `InvalidRequest` for entries that do not fit together, and for none; `where` names their field.
        """
        check_results(entries, where)
        if not entries:
            raise InvalidRequest("nothing was said yet.", where=where)
        self._thread = thread
        self._entries = entries
        self._participant = participant
        self._answers = answers
        self._passing = passing
        self._answer_id = answer_id
        self._written = Outputs()

    @property
    def outputs(self) -> list[OutputEntry]:
        return self._written.entries

    @property
    def question(self) -> Question:
        """What is asked first."""
        return self._speaker(0).question(self._entries, self._answer_id)

    async def events(self) -> AsyncGenerator[TurnEvent]:
        """Raises what `Answers.answer` raises, and `NotFound` for an agent that is gone when the conversation is passed
        on to it. Closing it cuts off what is being said."""
        began, spent = False, TurnEnd(cut=False, prompt_tokens=0, cached_tokens=0, completion_tokens=0)
        passes_left = self._passing.most if self._passing else 0
        try:
            while True:
                speaker = self._speaker(passes_left)
                question = speaker.question([*self._entries, *self.outputs], self._answer_id)
                async with aclosing(self._answers.answer(question)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Accepted) and not began:
                            began = True
                            yield TurnStart(self._thread)
                        for event in speaker.write(piece):
                            yield event
                spent = _sum(spent, speaker.finished)
                if speaker.handoff is None or self._passing is None:
                    break
                for event in self._written.pass_on(speaker.handoff, done=not self._passing.by_client):
                    yield event
                if self._passing.by_client:
                    break
                self._participant = await self._passing.agents.agent(speaker.handoff.next_agent_id)
                passes_left -= 1
            yield spent
        finally:
            list(self._written.end(cut=True))

    def _speaker(self, passes_left: int) -> Speaker:
        return Speaker(self._participant, self._written, may_pass_on=passes_left > 0)


def _sum(spent: TurnEnd, finished: Finished | None) -> TurnEnd:
    assert finished is not None
    return TurnEnd(
        finished.cut,
        spent.prompt_tokens + finished.prompt_tokens,
        spent.cached_tokens + finished.cached_tokens,
        spent.completion_tokens + finished.completion_tokens,
        spent.reasoning_tokens + finished.reasoning_tokens,
    )
