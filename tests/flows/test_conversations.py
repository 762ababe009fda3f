"""Conversations: what is said is kept, just as it was said, however a turn ends; one turn at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from tests.flows.fakes import Script, ScriptedGenerator, served

from galerne.agents.agent import Agent
from galerne.agents.threads import new_id, now
from galerne.agents.turn_events import EntryText, TurnEnd, TurnEvent, TurnStart
from galerne.errors import Busy, EngineFailed, InvalidRequest, NotFound, PromptTooLong, TooLarge
from galerne.flows.chat import Chat
from galerne.flows.conversations import Conversations
from galerne.flows.meter import Tally
from galerne.identity.caller import Caller
from galerne.identity.permissions import ALL
from galerne.protocol.agents import AgentDefinition
from galerne.protocol.conversations import (
    ConversationAppendRequest,
    ConversationFields,
    ConversationRequest,
    ConversationRestartRequest,
)
from galerne.protocol.entries import Entry, MessageInputEntry, MessageOutputEntry
from galerne.settings import Settings
from galerne.store.agents import SqlAgents
from galerne.store.database import Database
from galerne.store.threads import SqlThreads

US, THEM = Caller("ours", permissions=ALL), Caller("theirs", permissions=ALL)


class Talk:
    """The flow over a scripted model, and what a test wants to know of it."""

    def __init__(self, database: Database, script: Script, *, fails_after: int | None = None, **settings: Any) -> None:
        self.generator = ScriptedGenerator(script, fails_after=fails_after)
        self.tally = Tally()
        chat = Chat(served(self.generator), self.tally, Settings(**settings))
        threads = SqlThreads(database, "conversation", ConversationFields)
        self.agents = SqlAgents(database)
        self.flow = Conversations(threads, self.agents, chat, Settings(**settings))

    def start(self, inputs: Any = "Hi", caller: Caller = US, **fields: Any) -> AsyncGenerator[TurnEvent]:
        who = {} if "agent_id" in fields else {"model": "fake"}
        return self.flow.start(ConversationRequest(inputs=inputs, **who, **fields), caller)

    def agent(self, **fields: Any) -> str:
        """The id of a new one."""
        definition = AgentDefinition(model="fake", **{"name": "A", **fields})
        agent = Agent(new_id("ag"), US.workspace, now(), now(), 0, 0, offered=False, definition=definition)
        self.agents.add(agent)
        return agent.id

    def append(self, id: str, inputs: Any = "More", caller: Caller = US, **fields: Any) -> AsyncGenerator[TurnEvent]:
        return self.flow.append(id, ConversationAppendRequest(inputs=inputs, **fields), caller)

    def restart(self, id: str, entry: str, inputs: Any = "Else", **fields: Any) -> AsyncGenerator[TurnEvent]:
        return self.flow.restart(id, ConversationRestartRequest(from_entry_id=entry, inputs=inputs, **fields), US)

    async def said(self, id: str) -> list[str]:
        return [_shown(entry) for entry in await self.flow.history(id, US)]

    @property
    def prompt(self) -> str:
        return bytes(self.generator.requests[-1].prompt).decode()


def _shown(entry: Entry) -> str:
    assert isinstance(entry, MessageInputEntry | MessageOutputEntry)
    cut = "" if entry.completed_at else " (cut off)"
    return f"{entry.role}: {entry.content}{cut}"


async def done(events: AsyncGenerator[TurnEvent]) -> str:
    """All of a turn; the conversation's id."""
    async with aclosing(events):
        all_events = [event async for event in events]
    assert isinstance(all_events[-1], TurnEnd)
    assert isinstance(all_events[0], TurnStart)
    return all_events[0].thread


Open = Callable[..., Talk]


@pytest.fixture
def talk(sqlite: Database) -> Open:
    def open(script: Script | bytes = b"Bonjour", **options: Any) -> Talk:
        return Talk(sqlite, script if callable(script) else lambda _: script, **options)

    return open


async def test_a_conversation_goes_on_where_it_was(talk: Open) -> None:
    here = talk()
    id = await done(here.start("Hi", instructions="Be brief."))
    assert here.prompt == "Be brief.Hi"
    await done(here.append(id, "More"))
    assert here.prompt == "Be brief.HiBonjourMore"
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour", "user: More", "assistant: Bonjour"]


async def test_arguments_are_those_of_the_conversation_and_a_turn_may_lay_others_over_them(talk: Open) -> None:
    here = talk()
    id = await done(here.start(completion_args={"temperature": 0.25, "random_seed": 5, "max_tokens": 3}))
    assert await here.said(id) == ["user: Hi", "assistant: Bon (cut off)"]
    await done(here.append(id, completion_args={"max_tokens": 4}))
    await done(here.append(id))
    lengths = [request.max_tokens for request in here.generator.requests]
    assert lengths == [3, 4, 3]
    assert {(r.sampling.temperature, r.sampling.seed) for r in here.generator.requests} == {(0.25, 5)}


async def test_a_restart_shares_the_beginning_and_leaves_the_old_one_as_it_was(talk: Open) -> None:
    here = talk()
    old = await done(here.start("Hi", instructions="Be brief.", metadata={"a": 1}))
    await done(here.append(old, "More"))
    before = await here.flow.history(old, US)
    new = await done(here.restart(old, str(before[1].id)))
    assert here.prompt == "Be brief.HiBonjourElse"
    assert (await here.flow.history(new, US))[:2] == before[:2]
    assert await here.flow.history(old, US) == before
    assert (await here.flow.find(new, US)).about.metadata == {"a": 1}
    await here.flow.delete(old, US)
    assert await here.said(new) == ["user: Hi", "assistant: Bonjour", "user: Else", "assistant: Bonjour"]
    with pytest.raises(NotFound):
        await done(here.restart(new, str(before[3].id)))


async def test_a_turn_without_inputs_goes_on_from_what_was_said(talk: Open) -> None:
    here = talk()
    id = await done(here.start())
    await done(here.append(id, None))
    assert here.prompt == "HiBonjour"


async def test_what_shall_not_be_kept_is_not(talk: Open) -> None:
    here = talk()
    id = await done(here.start(store=False))
    with pytest.raises(NotFound):
        await here.flow.find(id, US)
    id = await done(here.start())
    await done(here.append(id, "Secret", store=False))
    assert here.prompt == "HiBonjourSecret"
    await done(here.restart(id, str((await here.flow.history(id, US))[0].id), store=False))
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour"]
    assert len(await here.flow.page(0, 10, {}, US)) == 1


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_who_leaves_in_the_middle_leaves_behind_what_was_said(talk: Open, how: str) -> None:
    here = talk(b"Bonjour")
    id = await done(here.start())
    third = asyncio.Event()

    async def hear_three() -> None:
        heard = 0
        async with aclosing(here.append(id)) as events:
            async for event in events:
                heard += isinstance(event, EntryText)
                if heard == 3:
                    third.set()
                    if how == "closed":
                        break
                    await asyncio.Event().wait()

    hearing = asyncio.create_task(hear_three())
    await third.wait()
    if how == "cancelled":
        hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour", "user: More", "assistant: Bon (cut off)"]
    assert here.generator.running == set()
    await done(here.append(id, "Again"))
    assert here.prompt == "HiBonjourMoreBonAgain"


async def test_what_was_said_before_a_failure_is_kept(talk: Open) -> None:
    here = talk(fails_after=4)
    with pytest.raises(EngineFailed):
        await done(here.start())
    [conversation] = await here.flow.page(0, 10, {}, US)
    assert await here.said(conversation.id) == ["user: Hi", "assistant: Bonj (cut off)"]


async def test_an_answer_without_a_word_is_an_answer(talk: Open) -> None:
    here = talk(b"")
    id = await done(here.start())
    assert await here.said(id) == ["user: Hi", "assistant: "]


@pytest.mark.parametrize(
    ("inputs", "refusal"),
    [
        ("x" * 5000, PromptTooLong),
        ([{"type": "function.result", "tool_call_id": "1", "result": "2"}], InvalidRequest),
        ([{"role": "user", "content": "x"}] * 20, TooLarge),
    ],
)
async def test_what_is_refused_leaves_no_trace(talk: Open, inputs: Any, refusal: type[Exception]) -> None:
    here = talk(max_messages=10)
    with pytest.raises(refusal):
        await done(here.start(inputs))
    assert await here.flow.page(0, 10, {}, US) == []
    id = await done(here.start())
    with pytest.raises(refusal):
        await done(here.append(id, inputs))
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour"]
    await done(here.append(id))


@pytest.mark.parametrize("inputs", [[], None])
async def test_nothing_is_no_beginning(talk: Open, inputs: Any) -> None:
    here = talk()
    with pytest.raises(InvalidRequest, match="nothing was said"):
        await done(here.start([]))
    id = await done(here.start())
    await done(here.append(id, inputs))


async def test_labels_are_limited(talk: Open) -> None:
    with pytest.raises(TooLarge, match="metadata"):
        await done(talk(max_metadata=1).start(metadata={"a": 1, "b": 2}))


async def test_one_turn_at_a_time(talk: Open) -> None:
    here = talk()
    id = await done(here.start())
    async with aclosing(here.append(id, "One")) as first:
        assert isinstance(await anext(first), TurnStart)
        with pytest.raises(Busy):
            await done(here.append(id, "Two"))
        other = await done(here.restart(id, str((await here.flow.history(id, US))[0].id)))  # a way around
        async for _ in first:
            pass
    await done(here.append(id, "Three"))
    assert await here.said(id) == [
        "user: Hi",
        "assistant: Bonjour",
        "user: One",
        "assistant: Bonjour",
        "user: Three",
        "assistant: Bonjour",
    ]
    assert await here.said(other) == ["user: Hi", "user: Else", "assistant: Bonjour"]


async def test_of_many_at_once_those_that_are_not_refused_are_kept_in_order(talk: Open) -> None:
    here = talk()
    id = await done(here.start())
    turns = await asyncio.gather(*(done(here.append(id, f"{n}")) for n in range(8)), return_exceptions=True)
    refused = [turn for turn in turns if isinstance(turn, Busy)]
    assert len(refused) < 8
    assert [turn for turn in turns if not isinstance(turn, Busy)] == [id] * (8 - len(refused))
    said = (await here.said(id))[2:]
    assert said[1::2] == ["assistant: Bonjour"] * (8 - len(refused))
    assert all(line.startswith("user: ") for line in said[::2])


async def test_a_long_answer_holds_its_conversation(talk: Open) -> None:
    here = talk(b"Bonjour", turn_lease_seconds=0.3)
    id = await done(here.start())
    async with aclosing(here.append(id, "One")) as first:
        await anext(first)
        for _ in range(5):
            await asyncio.sleep(0.15)
            with pytest.raises(Busy):
                await done(here.append(id, "Two"))
        async for _ in first:
            pass
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour", "user: One", "assistant: Bonjour"]


async def test_what_is_deleted_while_it_is_answered_stays_deleted(talk: Open) -> None:
    here = talk()
    id = await done(here.start())
    async with aclosing(here.append(id)) as events:
        await anext(events)
        await here.flow.delete(id, US)
        async for _ in events:
            pass
    with pytest.raises(NotFound):
        await here.flow.history(id, US)


async def test_another_workspace_finds_nothing(talk: Open) -> None:
    here = talk()
    id = await done(here.start())
    entry = str((await here.flow.history(id, US))[0].id)
    restart = ConversationRestartRequest(from_entry_id=entry)
    for forbidden in (
        lambda: here.flow.find(id, THEM),
        lambda: here.flow.history(id, THEM),
        lambda: here.flow.delete(id, THEM),
        lambda: done(here.append(id, caller=THEM)),
        lambda: done(here.append(id, caller=THEM, store=False)),
        lambda: done(here.flow.restart(id, restart, THEM)),
    ):
        with pytest.raises(NotFound):
            await forbidden()
    assert await here.flow.page(0, 10, {}, THEM) == []
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour"]


async def test_pages_are_limited(talk: Open) -> None:
    with pytest.raises(TooLarge, match="page_size"):
        await talk(max_page_size=5).flow.page(0, 6, {}, US)


async def test_an_agent_answers_as_it_is_defined_at_the_time(talk: Open) -> None:
    here = talk()
    agent = here.agent(instructions="Old.", completion_args={"max_tokens": 3, "temperature": 0.5})
    id = await done(here.start(agent_id=agent, completion_args={"temperature": 0.25}))
    pinned = await done(here.start(agent_id=agent, agent_version=0))
    assert here.prompt == "Old.Hi"
    [_, output] = await here.flow.history(id, US)
    assert isinstance(output, MessageOutputEntry)
    assert (output.agent_id, output.model) == (agent, "fake")
    here.agents.change("ours", agent, lambda old: old.model_copy(update={"instructions": "New."}), None)
    await done(here.append(id))
    assert here.prompt == "New.HiBonMore"
    await done(here.append(pinned, completion_args={"max_tokens": 4}))
    assert here.prompt == "Old.HiBonMore"
    asked = [(request.max_tokens, request.sampling.temperature) for request in here.generator.requests]
    assert asked == [(3, 0.25), (3, 0.5), (3, 0.25), (4, 0.5)]
    here.agents.name("ours", agent, "stable", 0)
    entry = (await here.flow.history(id, US))[0].id
    await done(here.restart(id, str(entry), agent_version="stable"))
    assert here.prompt == "Old.HiElse"


async def test_a_client_may_pass_a_conversation_on(talk: Open) -> None:
    here = talk()
    first, second = here.agent(instructions="First."), here.agent(instructions="Second.")
    id = await done(here.start(agent_id=first))
    handoff = {
        "type": "agent.handoff",
        "previous_agent_id": first,
        "previous_agent_name": "A",
        "next_agent_id": second,
        "next_agent_name": "A",
    }
    await done(here.append(id, [handoff]))
    assert here.prompt == "Second.HiBonjour"
    await done(here.append(id))
    assert here.prompt == "Second.HiBonjour\nBonjourMore"
    with pytest.raises(NotFound, match="no agent 'ag_none'"):
        await done(here.append(id, [handoff | {"next_agent_id": "ag_none"}]))


async def test_an_agent_that_is_not_there_or_not_ours_does_not_answer(talk: Open) -> None:
    here = talk()
    agent = here.agent()
    for asked in (here.start(agent_id="ag_none"), here.start(agent_id=agent, caller=THEM)):
        with pytest.raises(NotFound):
            await done(asked)
    with pytest.raises(NotFound, match="version"):
        await done(here.start(agent_id=agent, agent_version="none"))
    id = await done(here.start(agent_id=agent))
    here.agents.delete("ours", agent)
    with pytest.raises(NotFound):
        await done(here.append(id))
    assert await here.said(id) == ["user: Hi", "assistant: Bonjour"]
