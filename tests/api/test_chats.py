"""`/v1/chats`: what is said stays, for whoever said it alone, and answers go on whoever listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.guest import Guest, People, events
from tests.api.kept_house import KeptHouse
from tests.api.test_bodies import assert_refused

from galerne.assistant.chats import Owner

Open = Callable[..., Guest]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    house = KeptHouse(tmp_path_factory.mktemp("house"), lambda _: b"From the west.", callers=People())
    yield house
    house.database.close()


@pytest.fixture
def anna(shared: KeptHouse) -> Guest:
    return Guest(shared)


@pytest.fixture
def bert(anna: Guest) -> Guest:
    return anna.friend()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Open]:
    """Opens a house for one test, whose model is its own."""
    houses: list[KeptHouse] = []

    def open_house(*said: bytes, **options: Any) -> Guest:
        answers = iter(said)
        houses.append(KeptHouse(tmp_path, lambda _: next(answers), callers=People(), **options))
        return Guest(houses[-1])

    yield open_house
    for house in houses:
        house.database.close()


async def test_a_question_is_answered_and_kept(anna: Guest) -> None:
    chat = await anna.begin()
    started, *deltas, ended = await anna.ask(chat, content="Which winds blow at Brest?")
    (question,), answer = started["question"], started["answer"]
    assert (question["role"], question["content"], question["parent"]) == ("user", "Which winds blow at Brest?", None)
    assert (answer["state"], answer["parent"], answer["content"]) == ("running", question["id"], "")
    assert "".join(delta["text"] for delta in deltas) == "From the west."
    assert (
        ended["answer"]
        | {"state": "running", "content": "", "usage": None}
        | {
            "finish_reason": None,
            "receipt": None,
        }
        == answer
    )
    assert (ended["answer"]["state"], ended["answer"]["finish_reason"]) == ("complete", "stop")
    shown = await anna.show(chat)
    assert shown["messages"] == [question, ended["answer"]]
    assert (shown["title"], shown["active"]) == ("Which winds blow at Brest?", answer["id"])
    assert (await anna.get(f"/v1/receipts/{answer['id']}")).json()["endpoint"] == "/v1/chats"


async def test_what_the_model_is_asked_is_one_branch(anna: Guest) -> None:
    chat = await anna.begin(system="Be brief.")
    first = (await anna.ask(chat, content="One?"))[-1]["answer"]
    await anna.ask(chat, parent=first["id"], content="Two?")
    await anna.ask(chat, parent=first["id"], content="Three?", system="Be long.")
    prompts = [bytes(request.prompt).decode() for request in anna.house.generator.requests[-3:]]
    assert prompts == ["Be brief.One?", "Be brief.One?From the west.Two?", "Be long.One?From the west.Three?"]
    messages = (await anna.show(chat))["messages"]
    assert [message["parent"] for message in messages] == [
        None,
        messages[0]["id"],
        first["id"],
        messages[2]["id"],
        first["id"],
        messages[4]["id"],
    ]


async def test_a_question_may_have_several_answers(anna: Guest) -> None:
    chat = await anna.begin()
    first, *_, one = await anna.ask(chat, content="Well?", parameters={"temperature": 0.5})
    question = first["question"][0]["id"]
    started, *_, two = await anna.ask(chat, parent=question, model="alias")
    assert started["question"] == []
    assert one["answer"]["parent"] == two["answer"]["parent"] == question
    assert (one["answer"]["model"], two["answer"]["model"]) == ("fake", "alias")
    assert (one["answer"]["parameters"]["temperature"], two["answer"]["parameters"]) == (0.5, None)
    assert (await anna.show(chat))["active"] == two["answer"]["id"]
    changed = await anna.patch(f"/v1/chats/{chat}", {"active": one["answer"]["id"]})
    assert changed.json()["active"] == one["answer"]["id"]


@pytest.mark.parametrize(
    ("question", "status", "code", "where"),
    [
        ({}, 422, "invalid_request", None),
        ({"content": ""}, 422, "invalid_request", "content"),
        ({"content": "x", "results": [{"tool_call_id": "a", "content": "b"}]}, 422, "invalid_request", None),
        ({"content": "x", "parent": "msg_none"}, 404, "not_found", "parent"),
        ({"content": "x", "parent": "nul\0"}, 404, "not_found", "parent"),
        ({"content": "x", "model": "nobody"}, 404, "model_not_found", "model"),
        ({"content": "x" * 500}, 400, "context_length_exceeded", "messages"),
        ({"content": "x", "attachments": ["att_none"]}, 404, "not_found", "attachments"),
        ({"content": "x", "parameters": {"temperature": 3.0}}, 422, "invalid_request", "parameters.temperature"),
        ({"content": "x", "store": False}, 422, "unsupported_field", "store"),
        ({"content": "x", "parameters": {"tool_choice": "required"}}, 422, "invalid_request", None),
    ],
)
async def test_what_is_refused_leaves_no_trace(
    anna: Guest, question: dict[str, Any], status: int, code: str, where: str | None
) -> None:
    chat = await anna.begin()
    refusal = await anna.post(f"/v1/chats/{chat}/messages", {"model": "fake"} | question)
    assert_refused(refusal, status, code, where)
    shown = await anna.show(chat)
    assert (shown["messages"], shown["title"], shown["active"]) == ([], None, None)


async def test_who_asks_goes_on_from_an_answer_and_is_answered_to_a_question(anna: Guest) -> None:
    chat = await anna.begin()
    started, *_, ended = await anna.ask(chat, content="Well?")
    messages = f"/v1/chats/{chat}/messages"
    again = await anna.post(messages, {"model": "fake", "parent": ended["answer"]["id"]})
    assert_refused(again, 422, "invalid_request", "parent")
    twice = await anna.post(messages, {"model": "fake", "parent": started["question"][0]["id"], "content": "More?"})
    assert_refused(twice, 422, "invalid_request", "parent")
    result = {"results": [{"tool_call_id": "call_none", "content": "5"}], "parent": ended["answer"]["id"]}
    assert_refused(await anna.post(messages, {"model": "fake"} | result), 422, "invalid_request", "results")


async def test_tools_are_called_and_their_results_sent(alone: Open) -> None:
    anna = alone(b'<tool_call>\n{"name": "wind", "arguments": {"at": "Brest"}}\n</tool_call>', b"Strong.")
    tools = [{"type": "function", "function": {"name": "wind", "parameters": {"type": "object"}}}]
    chat = await anna.begin()
    _, *pieces, ended = await anna.ask(chat, content="Wind?", tools=tools)
    (call,) = ended["answer"]["tool_calls"]
    assert pieces[0]["type"] == "answer.tool_call"
    assert "".join(piece["arguments"] for piece in pieces) == call["function"]["arguments"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("wind", {"at": "Brest"})
    assert ended["answer"]["finish_reason"] == "tool_calls"
    results = [{"tool_call_id": call["id"], "content": "force 9"}]
    started, *_, last = await anna.ask(chat, parent=ended["answer"]["id"], results=results, tools=tools)
    assert [(m["role"], m["content"], m["tool_call_id"]) for m in started["question"]] == [
        ("tool", "force 9", call["id"])
    ]
    assert last["answer"]["content"] == "Strong."


@pytest.fixture(scope="module")
def hesitant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    """Its answers stop after five bytes."""
    folder = tmp_path_factory.mktemp("hesitant")
    house = KeptHouse(folder, lambda _: b"From the west.", hangs_after=5, callers=People())
    yield house
    house.database.close()


@pytest.fixture
async def asked(hesitant: KeptHouse) -> AsyncIterator[tuple[Guest, str, str]]:
    """Who asked, the chat, and the answer, which is under way though its client left."""
    anna = Guest(hesitant)
    chat = await anna.begin()
    exchange = anna.send(f"/v1/chats/{chat}/messages", {"model": "fake", "content": "Well?"})
    text = ""
    while text.count('"answer.text"') < 5:
        text += (await exchange.piece()).decode()
    await exchange.leave()
    yield anna, chat, json.loads(text.split("\n")[2].removeprefix("data: "))["answer"]["id"]
    await anna.delete("/v1/chats")


async def test_an_answer_goes_on_though_its_client_left_and_is_heard_again(asked: tuple[Guest, str, str]) -> None:
    anna, chat, answer = asked
    assert f"{answer}-0" in anna.house.generator.running
    address = f"/v1/chats/{chat}/messages/{answer}"
    fresh, strange = anna.open(f"{address}/events"), anna.open(f"{address}/events?after=77")
    back = anna.open(f"{address}/events", last_event_id="2")
    for exchange in (fresh, strange):
        first = (await exchange.piece()).decode()
        assert first.startswith("id: 5\nevent: answer.snapshot\n")
        assert json.loads(first.split("data: ")[1])["answer"]["content"] == "From "
    assert [(await back.piece()).decode().split("\n")[0] for _ in range(3)] == ["id: 3", "id: 4", "id: 5"]
    stopped = (await anna.post(f"{address}/stop", {})).json()
    assert (stopped["state"], stopped["content"], stopped["receipt"]) == ("stopped", "From ", answer)
    for exchange in (fresh, back, strange):
        assert b"answer.ended" in await exchange.piece()
        assert (await exchange.piece()) == b""
    assert f"{answer}-0" not in anna.house.generator.running
    (late,) = events(await anna.get(f"{address}/events?after=3"))
    assert (late["type"], late["answer"]) == ("answer.ended", stopped)
    assert (await anna.post(f"{address}/stop", {})).json() == stopped
    async with asyncio.timeout(30):  # what was cut off is put on record a moment later
        while (await anna.get(f"/v1/receipts/{answer}")).status != 200:
            await asyncio.sleep(0.01)


async def test_what_is_being_answered_is_not_gone_on_from(asked: tuple[Guest, str, str]) -> None:
    anna, chat, answer = asked
    refusal = await anna.post(f"/v1/chats/{chat}/messages", {"parent": answer, "content": "More?"})
    assert_refused(refusal, 409, "busy", "parent")
    thumb = await anna.put(f"/v1/chats/{chat}/messages/{answer}/feedback", {"rating": "up"})
    assert_refused(thumb, 422, "invalid_request", "message")


async def test_deleting_a_chat_ends_its_answers(asked: tuple[Guest, str, str]) -> None:
    anna, chat, answer = asked
    assert (await anna.delete(f"/v1/chats/{chat}")).json()["deleted"]
    assert f"{answer}-0" not in anna.house.generator.running
    assert (await anna.get(f"/v1/chats/{chat}/messages/{answer}/events")).status == 404


async def test_an_answer_that_somebody_stops_elsewhere_ends_here(asked: tuple[Guest, str, str]) -> None:
    """As another node would: in the database alone."""
    anna, chat, answer = asked
    owner = Owner("team", anna.headers["authorization"].removeprefix("Bearer "))
    listening = anna.open(f"/v1/chats/{chat}/messages/{answer}/events?after=5")
    await asyncio.sleep(1.2)  # it was saved once
    await asyncio.to_thread(anna.house.kept.chats.chats.stop, owner, chat, answer)
    assert b'"state":"stopped"' in await listening.piece()
    shown = (await anna.show(chat))["messages"][1]
    assert (shown["state"], shown["content"]) == ("stopped", "From ")


async def test_a_question_waits_for_a_model_that_is_being_loaded(alone: Open) -> None:
    anna = alone(b"From the west.")
    chat = await anna.begin()
    generator = anna.house.generator
    generator.is_ready = False
    asking = asyncio.create_task(anna.ask(chat, content="Which winds blow at Brest?"))
    async with asyncio.timeout(30):
        while not (said := (await anna.show(chat))["messages"]):
            await asyncio.sleep(0.01)
    assert (said[1]["state"], generator.requests) == ("running", [])
    generator.is_ready = True
    assert (await asking)[-1]["answer"]["content"] == "From the west."


async def test_an_answer_that_fails_keeps_what_was_said(alone: Open) -> None:
    anna = alone(b"From the west.", fails_after=4)
    chat = await anna.begin()
    *_, ended = await anna.ask(chat, content="Well?")
    assert (ended["answer"]["state"], ended["answer"]["content"]) == ("failed", "From")
    assert ended["answer"]["failure"] == {"code": "engine_failed", "message": "the engine broke. Try again."}
    assert (await anna.show(chat))["messages"][1] == ended["answer"]


async def test_chats_are_changed(anna: Guest) -> None:
    folder = (await anna.post("/v1/folders", {"name": "Sea"})).json()["id"]
    chat = await anna.begin(title="Winds", model="fake", parameters={"max_tokens": 4})
    changes = {"title": "Tides", "pinned": True, "archived": True, "folder": folder, "system": "Be brief."}
    changed = (await anna.patch(f"/v1/chats/{chat}", changes)).json()
    assert {name: changed[name] for name in changes} == changes
    assert (changed["model"], changed["parameters"]["max_tokens"]) == ("fake", 4)
    nothing = {"title": None, "folder": None, "parameters": None}
    changed = (await anna.patch(f"/v1/chats/{chat}", nothing)).json()
    assert {name: changed[name] for name in nothing} == nothing
    for wrong, where in (({"pinned": None}, "pinned"), ({"titel": "x"}, "titel"), ({"title": ""}, "title")):
        refusal = await anna.patch(f"/v1/chats/{chat}", wrong)
        assert (refusal.status, refusal.json()["param"]) == (422, where)
    for lost in ({"folder": "folder_none"}, {"active": "msg_none"}):
        assert (await anna.patch(f"/v1/chats/{chat}", lost)).status == 404


async def test_a_chat_keeps_the_form_of_its_answers(anna: Guest) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "wind", "schema": {"type": "object"}}}
    chat = await anna.begin(parameters={"response_format": form})
    shown, (listed,) = (await anna.show(chat)), (await anna.get("/v1/chats")).json()["data"]
    exported = (await anna.get(f"/v1/chats/{chat}/export?format=json")).json()["chats"][0]
    for told in (shown, listed, exported):
        assert told["parameters"]["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_lists_go_by_pages_the_newest_first(anna: Guest) -> None:
    chats = [await anna.begin(title=str(number)) for number in range(5)]
    await anna.ask(chats[1], content="Well?")
    seen, token = [], ""
    while token is not None:
        page = (await anna.get(f"/v1/chats?page_size=2{token and '&page_token='}{token}")).json()
        seen += [chat["title"] for chat in page["data"]]
        token = page["next_page_token"]
    assert seen == ["1", "4", "3", "2", "0"]
    await anna.patch(f"/v1/chats/{chats[0]}", {"archived": True})
    await anna.patch(f"/v1/chats/{chats[2]}", {"pinned": True})

    async def titles(query: str) -> list[str]:
        return [chat["title"] for chat in (await anna.get(f"/v1/chats?{query}")).json()["data"]]

    assert await titles("archived=true") == ["0"]
    assert await titles("pinned=true") == ["2"]
    assert await titles("pinned=false") == ["1", "4", "3"]
    assert_refused(await anna.get("/v1/chats?page_token=nonsense"), 422, "invalid_request", "page_token")
    assert_refused(await anna.get("/v1/chats?page_size=1001"), 413, "too_large", "page_size")


async def test_folders_hold_chats_and_leave_them(anna: Guest, bert: Guest) -> None:
    folder = (await anna.post("/v1/folders", {"name": "Sea"})).json()
    inside, outside = await anna.begin(folder=folder["id"]), await anna.begin()

    async def listed(query: str) -> list[str]:
        return [chat["id"] for chat in (await anna.get(f"/v1/chats?folder={query}")).json()["data"]]

    assert (await listed(folder["id"]), await listed("none")) == ([inside], [outside])
    renamed = await anna.patch(f"/v1/folders/{folder['id']}", {"name": "Air"})
    assert renamed.json() == folder | {"name": "Air"} == (await anna.get("/v1/folders")).json()["data"][0]
    assert (await bert.post("/v1/chats", {"folder": folder["id"]})).status == 404
    assert (await bert.delete(f"/v1/folders/{folder['id']}")).status == 404
    assert (await anna.delete(f"/v1/folders/{folder['id']}")).status == 200
    assert await listed("none") == [outside, inside]


async def test_prompts_are_saved(anna: Guest, bert: Guest) -> None:
    first = (await anna.post("/v1/prompts", {"title": "b", "content": "Translate:"})).json()
    second = (await anna.post("/v1/prompts", {"title": "A", "content": "Sum up:"})).json()
    assert (await anna.get("/v1/prompts")).json()["data"] == [second, first]
    assert (await bert.get("/v1/prompts")).json()["data"] == []
    changed = await anna.patch(f"/v1/prompts/{first['id']}", {"content": "In French:"})
    assert changed.json() == first | {"content": "In French:"}
    assert (await anna.patch(f"/v1/prompts/{first['id']}", {})).json() == changed.json()
    assert (await anna.delete(f"/v1/prompts/{first['id']}")).json() == {"id": first["id"], "deleted": True}
    assert (await anna.delete(f"/v1/prompts/{first['id']}")).status == 404


async def test_one_searches_ones_own_chats(anna: Guest, bert: Guest) -> None:
    chat = await anna.begin(title="Météo à Brest")
    await anna.ask(chat, content="Les ÉLÈVES étaient <b>là</b>.")
    (hit,) = (await anna.get("/v1/chats/search?q=eleve")).json()["data"]
    assert (hit["chat"]["id"], hit["message"]) == (chat, (await anna.show(chat))["messages"][0]["id"])
    assert [(part["text"], part["match"]) for part in hit["snippet"]] == [
        ("Les ", False),
        ("ÉLÈVES", True),
        (" étaient <b>là</b>.", False),
    ]
    (hit,) = (await anna.get("/v1/chats/search?q=brest%20meteo")).json()["data"]
    assert hit["message"] is None
    (hit,) = (await anna.get("/v1/chats/search?q=WEST")).json()["data"]
    assert "".join(part["text"] for part in hit["snippet"]) == "From the west."
    assert (await bert.get("/v1/chats/search?q=west")).json() == {
        "object": "list",
        "data": [],
        "has_more": False,
    }
    for nothing in ("nowhere", "%22", "the%20nowhere", "'%20OR%201=1", "*", "NEAR(", "words:from%20-"):
        assert (await anna.get(f"/v1/chats/search?q={nothing}")).json()["data"] == []
    await anna.delete(f"/v1/chats/{chat}")
    assert (await anna.get("/v1/chats/search?q=eleves")).json()["data"] == []


async def test_links_show_a_branch_to_anybody_until_they_are_withdrawn(anna: Guest, bert: Guest) -> None:
    chat = await anna.begin(title="Winds", system="Secret.")
    first = (await anna.ask(chat, content="One?"))[-1]["answer"]
    await anna.put(f"/v1/chats/{chat}/messages/{first['id']}/feedback", {"rating": "up"})
    share = (await anna.post(f"/v1/chats/{chat}/shares", {})).json()
    await anna.ask(chat, parent=first["id"], content="Two?")
    answer = await anna.house.client.get(f"/v1/shared/{share['token']}")
    shown = answer.json()
    assert [message["content"] for message in shown["messages"]] == ["One?", "From the west."]
    assert (shown["title"], shown["ai_generated"]) == ("Winds", True)
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert not any(message[secret] for message in shown["messages"] for secret in ("system", "receipt", "feedback"))
    assert (await anna.get(f"/v1/chats/{chat}/shares")).json()["data"] == [
        {name: value for name, value in share.items() if name != "token"}
    ]
    for foreign in (bert.get(f"/v1/chats/{chat}/shares"), bert.post(f"/v1/chats/{chat}/shares", {})):
        assert (await foreign).status == 404
    assert (await bert.delete(f"/v1/chats/{chat}/shares/{share['id']}")).status == 404
    assert (await anna.delete(f"/v1/chats/{chat}/shares/{share['id']}")).status == 200
    for token in (share["token"], "", "x", "%00", "%FF"):
        assert (await anna.house.client.get(f"/v1/shared/{token}")).status == 404


async def test_a_deleted_chat_is_shared_no_more(anna: Guest) -> None:
    chat = await anna.begin()
    assert_refused(await anna.post(f"/v1/chats/{chat}/shares", {}), 422, "invalid_request", "chat")
    await anna.ask(chat, content="One?")
    share = (await anna.post(f"/v1/chats/{chat}/shares", {})).json()
    await anna.delete(f"/v1/chats/{chat}")
    assert (await anna.house.client.get(f"/v1/shared/{share['token']}")).status == 404


async def test_answers_are_judged(anna: Guest) -> None:
    chat = await anna.begin()
    started, *_, ended = await anna.ask(chat, content="Well?")
    address = f"/v1/chats/{chat}/messages/{ended['answer']['id']}/feedback"
    thought = {"rating": "down", "reason": "wrong", "comment": "From the east!"}
    judged = await anna.put(address, thought)
    assert judged.json() == ended["answer"] | {"feedback": thought}
    assert (await anna.show(chat))["messages"][1] == judged.json()
    assert (await anna.delete(address)).json() == ended["answer"]
    own = f"/v1/chats/{chat}/messages/{started['question'][0]['id']}/feedback"
    assert (await anna.put(own, {"rating": "up"})).status == 422
    assert (await anna.put(address, {"rating": "so-so"})).status == 422


async def test_a_model_makes_a_title(alone: Open) -> None:
    anna = alone(b"From the west.", b'"Winds of Brest."\nI hope', b' " ')
    chat = await anna.begin(model="fake")
    assert_refused(await anna.post(f"/v1/chats/{chat}/title", {}), 422, "invalid_request", "chat")
    await anna.ask(chat, content="Which winds?")
    assert (await anna.post(f"/v1/chats/{chat}/title", {})).json()["title"] == "Winds of Brest"
    assert_refused(await anna.post(f"/v1/chats/{chat}/title", {}), 422, "invalid_request", "model")


async def test_what_is_somebody_elses_is_not_there(anna: Guest, bert: Guest) -> None:
    chat = await anna.begin()
    ended = (await anna.ask(chat, content="Well?"))[-1]["answer"]
    message = f"/v1/chats/{chat}/messages/{ended['id']}"
    tries = [
        bert.get(f"/v1/chats/{chat}"),
        bert.delete(f"/v1/chats/{chat}"),
        bert.patch(f"/v1/chats/{chat}", {"title": "x"}),
        bert.post(f"/v1/chats/{chat}/messages", {"content": "x"}),
        bert.post(f"/v1/chats/{chat}/title", {}),
        bert.get(f"{message}/events"),
        bert.post(f"{message}/stop", {}),
        bert.put(f"{message}/feedback", {"rating": "up"}),
        bert.delete(f"{message}/feedback"),
        anna.get("/v1/chats/nul%00"),
        anna.get(f"/v1/chats/{'x' * 5000}"),
        anna.get(f"/v1/chats/{await anna.begin()}/messages/{ended['id']}/events"),
    ]
    for attempt in tries:
        assert_refused(await attempt, 404, "not_found")
    assert (await bert.delete("/v1/chats")).json()["deleted"] == 0
    assert (await bert.get("/v1/chats")).json()["data"] == []
    assert (await anna.delete("/v1/chats")).json()["deleted"] == 2
