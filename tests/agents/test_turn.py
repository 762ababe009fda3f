"""A turn, over answers from a script: what is written of them, and how agents pass a conversation on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from galerne.agents.answers import Accepted, AnswerPiece, Call, Finished, Question, Text, Thought
from galerne.agents.handoffs import Handoffs
from galerne.agents.participant import Colleague, Participant
from galerne.agents.turn import Passing, Turn
from galerne.agents.turn_events import EntryArguments, EntryEnd, EntryStart, EntryText, TurnEnd, TurnEvent, TurnStart
from galerne.errors import EngineFailed, NotFound
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.entries import (
    AgentHandoffEntry,
    FunctionCallEntry,
    MessageInputEntry,
    MessageOutputEntry,
    OutputEntry,
)
from galerne.protocol.messages import text_of
from galerne.protocol.tools import Function, Tool

ADD = Tool(function=Function(name="add"))
END = Finished(cut=False, prompt_tokens=10, cached_tokens=4, completion_tokens=2)
CUT = Finished(cut=True, prompt_tokens=10, cached_tokens=4, completion_tokens=2)


class Script:
    """Fills the port `Answers`: one list of pieces for each question; a failure is raised."""

    def __init__(self, *answers: Sequence[AnswerPiece | Exception]) -> None:
        self._answers = list(answers)
        self.questions: list[Question] = []
        self.open = 0

    async def answer(self, question: Question) -> AsyncGenerator[AnswerPiece]:
        self.questions.append(question)
        self.open += 1
        try:
            yield Accepted()
            for piece in self._answers.pop(0):
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.open -= 1


class Staff:
    """Fills the port `Agents`: everyone may pass on to everyone else."""

    def __init__(self, *names: str) -> None:
        self._names = names

    async def agent(self, id: str) -> Participant:
        if id not in self._names:
            raise NotFound(f"there is no agent {id!r} here.")
        others = [Colleague(name, name, None) for name in self._names if name != id]
        return Participant("m", f"I am {id}.", CompletionArgs(), [], id, id, others)


def call(name: str, *arguments: str, number: int = 0) -> list[AnswerPiece]:
    first, *rest = arguments or ("",)
    return [Call(number, first, f"id{number}", name), *(Call(number, more, None, None) for more in rest)]


def turn(script: Script, participant: Participant | None = None, passing: Passing | None = None) -> Turn:
    asked = MessageInputEntry(role="user", content="?", completed_at=datetime.now(UTC))
    participant = participant or Participant("m", None, CompletionArgs(temperature=0.5), [ADD])
    return Turn("conv", [asked], participant, script, passing, where="inputs")


async def events(turn: Turn) -> list[TurnEvent]:
    async with aclosing(turn.events()) as events:
        return [event async for event in events]


def shown(entry: OutputEntry) -> str:
    cut = "" if entry.completed_at else "..."
    match entry:
        case MessageOutputEntry():
            return text_of(entry.content) + cut
        case FunctionCallEntry():
            return f"{entry.name}({entry.arguments}){cut}"
        case AgentHandoffEntry():
            return f"{entry.previous_agent_id}->{entry.next_agent_id}{cut}"


async def test_text_and_calls_are_outputs_one_after_the_other() -> None:
    script = Script([Text("Let "), Text("me."), *call("add", '{"a":', "1}"), *call("add", "{}", number=1), END])
    here = turn(script)
    told = await events(here)
    assert [shown(entry) for entry in here.outputs] == ["Let me.", 'add({"a":1})', "add({})"]
    assert isinstance(told[0], TurnStart)
    assert told[-1] == TurnEnd(cut=False, prompt_tokens=10, cached_tokens=4, completion_tokens=2)
    assert [event.entry for event in told if isinstance(event, EntryEnd)] == here.outputs
    assert [event.text for event in told if isinstance(event, EntryText)] == ["Let ", "me."]
    assert [event.arguments for event in told if isinstance(event, EntryArguments)] == ['{"a":', "1}", "{}"]
    indexes = [event.index for event in told if isinstance(event, EntryStart)]
    assert indexes == [0, 1, 2]
    [question] = script.questions
    assert (question.tools, question.completion_args.parallel_tool_calls) == ([ADD], None)


async def test_thoughts_come_before_the_text_of_their_message() -> None:
    here = turn(Script([Thought("Hm"), Thought("m."), Text("Yes."), END]))
    told = await events(here)
    [message] = here.outputs
    assert isinstance(message, MessageOutputEntry)
    assert isinstance(message.content, list)
    assert [part.type for part in message.content] == ["thinking", "text"]
    assert [event.part for event in told if isinstance(event, EntryText)] == [1]


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([Text("Let me"), CUT], ["Let me..."]),
        ([Text("Let me."), *call("add", '{"a'), CUT], ["Let me.", 'add({"a)...']),
        ([END], [""]),
        ([CUT], ["..."]),
    ],
)
async def test_what_is_cut_off_is_marked(pieces: list[AnswerPiece], said: list[str]) -> None:
    here = turn(Script(pieces))
    await events(here)
    assert [shown(entry) for entry in here.outputs] == said


async def test_what_was_said_before_a_failure_or_an_end_is_there() -> None:
    here = turn(Script([Text("Let me"), EngineFailed("gone.")]))
    with pytest.raises(EngineFailed):
        await events(here)
    assert [shown(entry) for entry in here.outputs] == ["Let me..."]
    script = Script([Text("Let me"), Text(" add."), END])
    here = turn(script)
    async with aclosing(here.events()) as told:
        async for event in told:
            if isinstance(event, EntryText):
                break
    assert [shown(entry) for entry in here.outputs] == ["Let me..."]
    assert script.open == 0


async def test_a_conversation_is_passed_on_until_somebody_answers() -> None:
    staff = Staff("a", "b", "c")
    script = Script(
        [Text("Wait."), *call("transfer_to_b"), END],
        [*call("transfer_to_c", "{", "}"), END],
        [Text("Yes."), END],
    )
    here = turn(script, await staff.agent("a"), Passing(staff, most=8, by_client=False))
    told = await events(here)
    assert [shown(entry) for entry in here.outputs] == ["Wait.", "a->b", "b->c", "Yes."]
    assert told[-1] == TurnEnd(cut=False, prompt_tokens=30, cached_tokens=12, completion_tokens=6)
    assert sum(isinstance(event, TurnStart) for event in told) == 1
    assert [text_of(question.messages[0].content) for question in script.questions] == [
        "I am a.",
        "I am b.",
        "I am c.",
    ]
    assert text_of(script.questions[1].messages[-1].content) == "Wait."
    assert {question.completion_args.parallel_tool_calls for question in script.questions} == {False}
    assert not any(isinstance(event, EntryArguments) for event in told)


async def test_after_so_many_times_somebody_must_answer() -> None:
    staff = Staff("a", "b")
    script = Script([*call("transfer_to_b"), END], [*call("transfer_to_a"), END], [Text("Well."), END])
    here = turn(script, await staff.agent("a"), Passing(staff, most=2, by_client=False))
    await events(here)
    assert [len(question.tools) for question in script.questions] == [1, 1, 0]
    assert [shown(entry) for entry in here.outputs] == ["a->b", "b->a", "Well."]


async def test_the_client_may_pass_it_on_itself() -> None:
    staff = Staff("a", "b")
    here = turn(Script([*call("transfer_to_b"), END]), await staff.agent("a"), Passing(staff, most=8, by_client=True))
    assert isinstance((await events(here))[-1], TurnEnd)
    assert [shown(entry) for entry in here.outputs] == ["a->b..."]


async def test_a_hand_off_that_was_cut_off_is_none() -> None:
    staff = Staff("a", "b")
    here = turn(Script([*call("transfer_to_b", "{"), CUT]), await staff.agent("a"), Passing(staff, 8, by_client=False))
    assert isinstance((await events(here))[-1], TurnEnd)
    assert [shown(entry) for entry in here.outputs] == []


async def test_an_agent_that_is_gone_meanwhile_fails_the_turn() -> None:
    participant = Participant("m", None, CompletionArgs(), [], "a", "a", [Colleague("gone", "Gone", None)])
    here = turn(Script([*call("transfer_to_gone"), END]), participant, Passing(Staff(), 8, by_client=False))
    with pytest.raises(NotFound):
        await events(here)
    assert [shown(entry) for entry in here.outputs] == ["a->gone"]


@pytest.mark.parametrize(
    ("names", "functions"),
    [
        (["Finance Agent"], ["transfer_to_finance_agent"]),
        (["Été", "日本", "日本"], ["transfer_to_t", "transfer_to_colleague", "transfer_to_colleague_2"]),
        (["a-b", "a b"], ["transfer_to_a_b", "transfer_to_a_b_2"]),
        (["taken"], ["transfer_to_taken_2"]),
        (["x" * 99, "x" * 99], ["transfer_to_" + "x" * 52, "transfer_to_" + "x" * 50 + "_2"]),
    ],
)
def test_functions_are_named_after_colleagues(names: list[str], functions: list[str]) -> None:
    taken: list[Any] = [Tool(function=Function(name="transfer_to_taken"))]
    colleagues = [Colleague(str(number), name, "It helps.") for number, name in enumerate(names)]
    handoffs = Handoffs(Participant("m", None, CompletionArgs(), taken, "a", "a", colleagues))
    assert [tool.function.name for tool in handoffs.tools] == functions
    found = [handoffs.colleague(name) for name in functions]
    assert found == colleagues
    assert handoffs.colleague("transfer_to_taken") is None
