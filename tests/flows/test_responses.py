"""Responses: each goes on from any earlier one, ends as one of five things, and says which."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from tests.flows.fakes import Script, ScriptedGenerator, served

from galerne.agents.threads import Lease, new_id
from galerne.agents.turn_events import EntryText
from galerne.errors import Busy, EngineFailed, InvalidRequest, NotFound, PromptTooLong, TooLarge
from galerne.flows.chat import Chat
from galerne.flows.items import items_of
from galerne.flows.meter import Tally
from galerne.flows.responses import Response, ResponseEvent, Responses
from galerne.identity.caller import Caller
from galerne.protocol.response_items import CallItem, CallOutputItem, MessageItem
from galerne.protocol.responses import KeptResponse, ResponseRequest
from galerne.settings import Settings
from galerne.store.database import Database
from galerne.store.threads import SqlThreads

US, THEM = Caller("ours"), Caller("theirs")


class Desk:
    """The flow over a scripted model."""

    def __init__(self, database: Database, script: Script, *, settings: Settings, **options: Any) -> None:
        self.generator = ScriptedGenerator(script, **options)
        self.threads = SqlThreads(database, "response", KeptResponse)
        self.flow = Responses(self.threads, Chat(served(self.generator), Tally(), settings), settings)

    def ask(self, input: Any = "Hi", **fields: Any) -> AsyncGenerator[ResponseEvent]:
        return self.flow.create(ResponseRequest(model="fake", input=input, **fields), US)

    async def status(self, id: str) -> str:
        return (await self.flow.find(id, US)).thread.about.status

    async def said(self, id: str) -> list[str]:
        response = await self.flow.find(id, US)
        entries = [*await self.flow.input(id, US), *response.output]
        return [shown(item) for entry in entries for item in items_of(entry)]

    @property
    def prompt(self) -> str:
        return bytes(self.generator.requests[-1].prompt).decode()


def shown(item: Any) -> str:
    match item:
        case MessageItem():
            return f"{item.role}: {item.content[0].text} ({item.status})"
        case CallItem():
            return f"call {item.call_id}: {item.name}({item.arguments})"
        case CallOutputItem():
            return f"output {item.call_id}: {item.output}"
    raise AssertionError(item)


async def done(events: AsyncGenerator[ResponseEvent]) -> Response:
    async with aclosing(events):
        responses = [event async for event in events if isinstance(event, Response)]
    assert responses[0].thread.about.status == "in_progress"
    return responses[-1]


async def begin(events: AsyncGenerator[ResponseEvent], words: int) -> str:
    """Listen until so many pieces of text were heard; the response's id."""
    while words:
        event = await anext(events)
        if isinstance(event, Response):
            id = event.thread.id
        words -= isinstance(event, EntryText)
    return id


Open = Callable[..., Desk]


@pytest.fixture
def desk(sqlite: Database) -> Open:
    def open(answer: bytes | Script = b"Bonjour", *, settings: dict[str, Any] | None = None, **options: Any) -> Desk:
        script = answer if callable(answer) else lambda _: answer
        return Desk(sqlite, script, settings=Settings(**settings or {}), **options)

    return open


async def test_any_response_can_be_gone_on_from_and_instructions_are_not_inherited(desk: Open) -> None:
    here = desk()
    first = await done(here.ask(instructions="Be brief."))
    assert here.prompt == "Be brief.Hi"
    second = await done(here.ask("More", previous_response_id=first.thread.id))
    assert here.prompt == "HiBonjourMore"
    await done(here.ask("Else", previous_response_id=first.thread.id))
    assert here.prompt == "HiBonjourElse"
    await here.flow.delete(first.thread.id, US)
    third = await done(here.ask(None, previous_response_id=second.thread.id))
    assert here.prompt == "HiBonjourMoreBonjour"
    assert (await here.said(third.thread.id))[-2:] == ["assistant: Bonjour (completed)"] * 2
    assert second.thread.about.usage is not None
    assert second.thread.about.usage.total_tokens == len("HiBonjourMore") + len("Bonjour")


async def test_what_was_told_last_is_what_is_found(desk: Open) -> None:
    here = desk()
    last = await done(here.ask(metadata={"a": "b"}, temperature=0.5))
    found = await here.flow.find(last.thread.id, US)
    assert found.thread.about == last.thread.about
    assert found.output == last.output


async def test_calls_and_their_outputs_are_items(desk: Open) -> None:
    here = desk()
    items: list[Any] = [
        {"role": "user", "content": [{"type": "input_text", "text": "1+1?"}]},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "2"}]},
    ]
    response = await done(here.ask(items))
    assert await here.said(response.thread.id) == [
        "user: 1+1? (completed)",
        'call c1: add({"a": 1})',
        "output c1: 2",
        "assistant: Bonjour (completed)",
    ]
    with pytest.raises(InvalidRequest, match="no result yet: c1"):
        await done(here.ask(items[:2]))


async def test_an_answer_at_its_limit_is_incomplete(desk: Open) -> None:
    response = await done(desk().ask(max_output_tokens=3))
    about = response.thread.about
    assert about.status == "incomplete"
    assert about.incomplete_details is not None
    assert about.incomplete_details.reason == "max_output_tokens"
    assert shown(items_of(response.output[0])[0]) == "assistant: Bon (incomplete)"


async def test_what_shall_not_be_kept_is_not(desk: Open) -> None:
    here = desk()
    response = await done(here.ask(store=False))
    assert response.thread.about.status == "completed"
    with pytest.raises(NotFound):
        await here.flow.find(response.thread.id, US)


async def test_who_leaves_cancels(desk: Open) -> None:
    here = desk(hangs_after=3)
    async with aclosing(here.ask()) as events:
        id = await begin(events, 3)
        assert await here.status(id) == "in_progress"
        assert (await here.flow.find(id, US)).output == []
    assert await here.status(id) == "cancelled"
    assert await here.said(id) == ["user: Hi (completed)", "assistant: Bon (incomplete)"]
    assert here.generator.running == set()


async def test_a_response_is_cancelled_from_elsewhere(desk: Open) -> None:
    here = desk(hangs_after=3)
    async with aclosing(here.ask()) as events:
        id = await begin(events, 3)
        cancelled = await here.flow.cancel(id, US)
        rest = [event async for event in events]
    assert cancelled.thread.about.status == "cancelled"
    assert isinstance(rest[-1], Response)
    assert rest[-1].thread.about == cancelled.thread.about
    assert (await here.flow.cancel(id, US)).thread.about == cancelled.thread.about


async def test_a_response_in_the_background_goes_on_when_nobody_listens(desk: Open) -> None:
    here = desk()
    async with aclosing(here.ask(background=True)) as events:
        id = await begin(events, 1)
    async with asyncio.timeout(30):
        while await here.status(id) == "in_progress":
            await asyncio.sleep(0.01)
    assert await here.said(id) == ["user: Hi (completed)", "assistant: Bonjour (completed)"]
    assert not here.flow._underway


async def test_what_is_in_the_background_ends_with_the_server(desk: Open) -> None:
    here = desk(hangs_after=3)
    async with aclosing(here.ask(background=True)) as events:
        id = await begin(events, 3)
    with pytest.raises(Busy):
        await done(here.ask(previous_response_id=id))
    await here.flow.close()
    assert await here.status(id) == "cancelled"


async def test_a_failure_is_told_and_kept(desk: Open) -> None:
    here = desk(fails_after=3)
    events = here.ask()
    id = await begin(events, 3)
    with pytest.raises(EngineFailed):
        await anext(events)
    response = await here.flow.find(id, US)
    assert response.thread.about.status == "failed"
    assert response.thread.about.error is not None
    assert "the engine broke" in response.thread.about.error.message
    await done(desk().ask(previous_response_id=id))  # it can be gone on from


async def test_a_response_whose_server_died_has_failed(desk: Open) -> None:
    here = desk()
    thread = (await done(here.ask())).thread
    about = thread.about.model_copy(update={"status": "in_progress"})
    lost = replace(thread, id=new_id("resp"), head=about.asked, about=about)
    here.threads.open(lost, [], Lease("dead", time.time() + 60))
    assert await here.status(lost.id) == "in_progress"
    with pytest.raises(Busy, match="another node"):
        await here.flow.cancel(lost.id, US)
    here.threads.renew(lost.id, Lease("dead", time.time() - 1))
    assert await here.status(lost.id) == "failed"
    assert (await here.flow.cancel(lost.id, US)).thread.about.status == "failed"
    await done(here.ask(previous_response_id=lost.id))


async def test_what_is_deleted_while_it_is_answered_stays_deleted(desk: Open) -> None:
    here = desk(hangs_after=3)
    async with aclosing(here.ask()) as events:
        id = await begin(events, 3)
        await here.flow.delete(id, US)
        assert isinstance([event async for event in events][-1], Response)
    with pytest.raises(NotFound):
        await here.flow.find(id, US)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"input": "x" * 5000}, PromptTooLong),
        ({"input": [{"role": "user", "content": "x"}] * 20}, TooLarge),
        ({"input": None}, InvalidRequest),
        ({"metadata": {"a": "b", "c": "d"}}, TooLarge),
        ({"previous_response_id": "resp_none"}, NotFound),
    ],
)
async def test_what_is_refused_leaves_no_trace(desk: Open, asked: dict[str, Any], refusal: type[Exception]) -> None:
    here = desk(settings={"max_messages": 10, "max_metadata": 1})
    with pytest.raises(refusal):
        await done(here.ask(**asked))
    assert here.threads.page("ours", 0, 9, {}) == []
    assert not here.flow._underway


async def test_another_workspace_finds_nothing(desk: Open) -> None:
    here = desk()
    id = (await done(here.ask())).thread.id
    for refused in (here.flow.find, here.flow.input, here.flow.cancel, here.flow.delete):
        with pytest.raises(NotFound):
            await refused(id, THEM)
    request = ResponseRequest(model="fake", input="?", previous_response_id=id)
    with pytest.raises(NotFound):
        await done(here.flow.create(request, THEM))
    assert await here.status(id) == "completed"
