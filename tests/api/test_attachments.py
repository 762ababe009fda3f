"""`/v1/attachments`: what a file says goes into a question whole, or not at all, and costs what is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.guest import Guest, People
from tests.api.kept_house import KeptHouse
from tests.api.test_bodies import assert_refused
from tests.assistant.test_extraction import pdf

ASKED = '<file name="winds.txt">\nfrom the west\n</file>'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptHouse]:
    folder = tmp_path_factory.mktemp("house")
    house = KeptHouse(folder, lambda _: b"Yes.", callers=People(), model="fake", max_attachment_mb=1)
    yield house
    house.database.close()


@pytest.fixture
def anna(shared: KeptHouse) -> Guest:
    return Guest(shared)


async def attach(anna: Guest, content: bytes = b"from the west", name: str = "winds.txt", **fields: str) -> str:
    answer = await anna.upload("/v1/attachments", content, name, **fields)
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def test_a_file_is_read_counted_and_asked(anna: Guest) -> None:
    answer = await anna.upload("/v1/attachments", b"from the west", "C:\\winds.txt")
    card = answer.json()
    assert card["fit"] == {
        "model": "fake",
        "tokens": len(ASKED),
        "conversation_tokens": 0,
        "context": 200,
        "fits": True,
    }
    assert (card["name"], card["media_type"], card["characters"]) == ("winds.txt", "text/plain", 13)
    assert (await anna.get(f"/v1/attachments/{card['id']}/text")).json()["text"] == "from the west"
    chat = await anna.begin()
    started, *_ = await anna.ask(chat, content="Where from?", attachments=[card["id"]])
    assert bytes(anna.house.generator.requests[-1].prompt).decode() == f"{ASKED}\n\nWhere from?"
    (file,) = started["question"][0]["attachments"]
    assert file == {"id": card["id"], "name": "winds.txt", "media_type": "text/plain", "characters": 13}
    beside = (await anna.get(f"/v1/attachments/{card['id']}?chat={chat}")).json()
    assert beside["fit"]["conversation_tokens"] == len(f"{ASKED}\n\nWhere from?Yes.")
    assert (beside["fit"]["tokens"], beside["expires_at"]) == (len(ASKED), None)


async def test_what_does_not_fit_is_told_and_refused_whole(anna: Guest) -> None:
    id = await attach(anna, b"x" * 300)
    assert (await anna.get(f"/v1/attachments/{id}")).json()["fit"]["fits"] is False
    chat = await anna.begin()
    refusal = await anna.post(f"/v1/chats/{chat}/messages", {"content": "x", "attachments": [id]})
    assert_refused(refusal, 400, "context_length_exceeded", "messages")


async def test_a_pdf_is_read(anna: Guest) -> None:
    card = (await anna.upload("/v1/attachments", pdf("Winds"), "a.pdf", model="alias")).json()
    assert (card["media_type"], card["pages"], card["encoding"]) == ("application/pdf", 1, None)
    assert card["fit"]["model"] == "fake"


async def test_what_cannot_be_read_or_is_too_much_is_refused(anna: Guest) -> None:
    async def refused(status: int, code: str, where: str | None, content: bytes = b"text", **fields: str) -> None:
        assert_refused(await anna.upload("/v1/attachments", content, "a.txt", **fields), status, code, where)

    await refused(422, "invalid_request", "file", b"\0\1")
    await refused(422, "invalid_request", "file", b" \n")
    await refused(413, "too_large", "file", b"x" * (1 << 20) + b"x")
    await refused(404, "model_not_found", "model", model="nobody")
    await refused(404, "not_found", None, chat="chat_none")
    await refused(422, "unsupported_field", "purpose", purpose="batch")


async def test_attachments_are_ones_own(anna: Guest) -> None:
    id, bert = await attach(anna), anna.friend()
    for address in (f"/v1/attachments/{id}", f"/v1/attachments/{id}/text"):
        assert (await bert.get(address)).status == 404
    assert (await bert.delete(f"/v1/attachments/{id}")).status == 404
    stolen = await bert.post(f"/v1/chats/{await bert.begin()}/messages", {"content": "x", "attachments": [id]})
    assert_refused(stolen, 404, "not_found", "attachments")
    assert (await anna.delete(f"/v1/attachments/{id}")).json() == {"id": id, "deleted": True}
    assert (await anna.get(f"/v1/attachments/{id}")).status == 404


@pytest.mark.parametrize("name", ['"><script>.txt', "a\nb.txt", "../../etc/passwd", '"></file>', "\u202egpj.txt"])
async def test_a_name_is_just_a_name(anna: Guest, name: str) -> None:
    id = await attach(anna, b"text", name)
    shown = (await anna.get(f"/v1/attachments/{id}")).json()["name"]
    assert shown
    assert not set("/\n\u202e") & set(shown)
    await anna.ask(await anna.begin(), content="x", attachments=[id])
    asked = bytes(anna.house.generator.requests[-1].prompt).decode()
    assert (asked.count("<"), asked.count('"')) == (2, 2)
