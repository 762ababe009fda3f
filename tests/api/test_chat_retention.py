"""`/v1/users/me/retention`: chats go when their person, or the house, wants them to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.api.guest import Guest, People
from tests.api.kept_house import KeptHouse
from tests.api.test_bodies import assert_refused

from galerne.ledger.audit import AuditFilter
from galerne.store.chats import chats

PATH = "/v1/users/me/retention"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[KeptHouse]:
    house = KeptHouse(tmp_path, lambda _: b"From the west.", callers=People(), max_chat_days=90)
    yield house
    house.database.close()


def grow_old(house: KeptHouse, chat: str, days: float) -> None:
    with house.database.write() as connection:
        connection.execute(update(chats).where(chats.c.id == chat).values(updated_at=time.time() - days * 86_400))


async def left(guest: Guest) -> int:
    return len((await guest.get("/v1/chats")).json()["data"])


async def test_a_wish_is_kept_and_bounded_by_the_house(house: KeptHouse) -> None:
    anna = Guest(house)
    as_the_house = {"chat_days": None, "max_chat_days": 90, "effective_chat_days": 90}
    assert (await anna.get(PATH)).json() == as_the_house
    thirty = {"chat_days": 30, "max_chat_days": 90, "effective_chat_days": 30}
    assert (await anna.put(PATH, {"chat_days": 30})).json() == thirty
    assert (await anna.get(PATH)).json() == thirty
    assert (await anna.friend().get(PATH)).json() == as_the_house
    for wrong in (91, 0, -1, "1", 1.5):
        assert_refused(await anna.put(PATH, {"chat_days": wrong}), 422, "invalid_request", "chat_days")
    assert_refused(await anna.put(PATH, {}), 422, "invalid_request", "chat_days")
    assert (await anna.put(PATH, {"chat_days": None})).json() == as_the_house


async def test_a_wish_of_before_is_bounded_by_what_the_house_says_now(tmp_path: Path) -> None:
    free = KeptHouse(tmp_path, callers=People())
    anna = Guest(free)
    endless = {"chat_days": None, "max_chat_days": None, "effective_chat_days": None}
    assert (await anna.get(PATH)).json() == endless
    await anna.put(PATH, {"chat_days": 400})
    free.database.close()
    strict = KeptHouse(tmp_path, callers=People(), max_chat_days=7)
    anna.house = strict
    assert (await anna.get(PATH)).json() == {"chat_days": 400, "max_chat_days": 7, "effective_chat_days": 7}
    strict.database.close()


async def test_chats_go_with_everything_in_them(house: KeptHouse) -> None:
    anna, bert = Guest(house), Guest(house)
    await anna.put(PATH, {"chat_days": 10})
    for guest, days in ((anna, 9), (anna, 11), (bert, 11), (bert, 91)):
        chat = await guest.begin()
        await guest.ask(chat, content="Which winds blow at Brest?")
        grow_old(house, chat, days)
    house.kept.retentions.tidy()
    assert (await left(anna), await left(bert)) == (1, 1)
    assert len((await anna.get("/v1/chats/search?q=winds")).json()["data"]) == 2  # title and question of one chat
    page = house.kept.audit.log.page(AuditFilter(action="chat.deleted"), 10)
    assert [(record["actor"]["kind"], record["details"]) for record in page.records] == [("server", {"chats": 2})]
    house.kept.retentions.tidy()
    assert len(house.kept.audit.log.page(AuditFilter(action="chat.deleted"), 10).records) == 1


async def test_pinned_and_archived_chats_go_too(house: KeptHouse) -> None:
    anna = Guest(house)
    await anna.put(PATH, {"chat_days": 1})
    for kind in ("pinned", "archived"):
        chat = await anna.begin()
        await anna.patch(f"/v1/chats/{chat}", {kind: True})
        grow_old(house, chat, 2)
    house.kept.retentions.tidy()
    assert await left(anna) == len((await anna.get("/v1/chats?archived=true")).json()["data"]) == 0
