"""A revoked key ends what is under way by it: streams of every kind, and answers that are not streamed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.api.house import question
from tests.api.identity_house import Holder, IdentityHouse
from tests.api.test_bodies import assert_refused
from tests.contract.server import serving

from galerne.api.inside import Inside
from galerne.errors import DatabaseUnavailable
from galerne.flows.users import UserChange
from galerne.identity.caller import LOCAL_ADMIN, Caller
from galerne.identity.directory import UserKind
from galerne.identity.permissions import IN_BATCHES

STREAMS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": question(stream=True),
    "/v1/completions": {"model": "fake", "prompt": "Hello", "stream": True},
    "/v1/conversations": {"model": "fake", "inputs": "Hello", "stream": True},
    "/v1/responses": {"model": "fake", "input": "Hello", "stream": True},
}

BIG = 64 << 20
"""Bytes of a file that no socket holds as a whole."""


@pytest.fixture
async def hanging(tmp_path: Path) -> AsyncIterator[IdentityHouse]:
    """A model that says three letters and is silent then, in an application that has started."""
    house = IdentityHouse(tmp_path, lambda _: b"Bonjour !", hangs_after=3)
    async with house.app.router.lifespan_context(house.app):
        yield house
    house.close()


def revoke(house: IdentityHouse, holder: Holder) -> None:
    """In another connection to the database, as another process would."""
    house.identity.keys.revoke(holder.key, LOCAL_ADMIN)


def disable(house: IdentityHouse, holder: Holder) -> None:
    house.identity.users.change(holder.user, UserKind.SERVICE, UserChange(disabled=True), LOCAL_ADMIN)


@pytest.mark.parametrize(("path", "end"), [*((path, revoke) for path in STREAMS), ("/v1/chat/completions", disable)])
async def test_streams_end(hanging: IdentityHouse, path: str, end: Any) -> None:
    lost, stays = hanging.holder(), hanging.holder()
    ended, other = (hanging.client.send(path, STREAMS[path], who.headers) for who in (lost, stays))
    for exchange in (ended, other):
        status, _ = await exchange.start()
        assert status == 200
        await exchange.piece()
    end(hanging, lost)
    rest = (await ended.answer()).body.decode()
    name = "" if "completions" in path else "event: error\n"
    last = f'{name}data: {{"object":"error","message":"authorization: the right to it was taken away meanwhile."'
    assert last in rest
    assert rest.endswith("}\n\n" if name else "}\n\ndata: [DONE]\n\n")
    assert len(hanging.generator.running) == 1  # what the engine did for it has ended, too
    await other.leave()
    assert hanging.generator.running == set()


async def test_an_answer_that_is_not_streamed_is_refused(hanging: IdentityHouse) -> None:
    holder = hanging.holder()
    asked = hanging.client.send("/v1/chat/completions", question(), holder.headers)
    while not hanging.generator.running:
        await asyncio.sleep(0.01)
    revoke(hanging, holder)
    status, _ = await asked.start()
    assert status == 401


async def test_an_upload_that_takes_long_is_refused(hanging: IdentityHouse) -> None:
    holder = hanging.holder()
    sending = hanging.send(b"------a-boundary\r\n", who=holder.headers, ends=False)
    await asyncio.sleep(0.05)
    revoke(hanging, holder)
    for _ in range(100):
        await asyncio.sleep(0.01)
    status, _ = await sending.start()
    assert status == 401


async def test_a_file_breaks_off_before_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As both ways to say where a body ends would say that it is whole; a server and a client that speak HTTP."""
    house = IdentityHouse(tmp_path)
    holder = house.holder()
    file = (await house.upload(b"x" * BIG, who=holder.headers)).json()["id"]
    with (
        serving(house.app) as url,
        httpx2.stream("GET", f"{url}/v1/files/{file}/content", headers=holder.headers, timeout=60) as answer,
    ):
        assert int(answer.headers["content-length"]) == BIG
        pieces = answer.iter_raw(1000)
        next(pieces)
        revoke(house, holder)
        time.sleep(1)
        with pytest.raises(httpx2.RemoteProtocolError):  # behind what the sockets held back
            list(pieces)
    assert "broken off: authorization: the right to it was taken away meanwhile." in caplog.text
    house.close()


async def test_nobody_is_let_in_while_the_database_does_not_answer(tmp_path: Path) -> None:
    house = IdentityHouse(tmp_path)
    holder = house.holder()
    caller = Caller("default", user=holder.user, key=holder.key, permissions=IN_BATCHES, patient=True)
    house.close()
    file = Path(house.own.url.database or "")
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    answer = await house.client.post("/v1/chat/completions", question(), holder.headers)
    assert_refused(answer, HTTPStatus.SERVICE_UNAVAILABLE, DatabaseUnavailable.code)
    assert answer.headers["retry-after"] == "5"
    reply = await Inside(house.app).answer("/v1/chat/completions", json.dumps(question()).encode(), caller)
    assert (reply.status, reply.retry_after) == (503, 5.0)
    file.rmdir()
    file.with_suffix(".away").rename(file)
    assert (await house.client.post("/v1/chat/completions", question(), holder.headers)).status == 200
    house.close()


async def test_what_was_left_to_a_batch_is_not_done_any_more(tmp_path: Path) -> None:
    house = IdentityHouse(tmp_path)
    holder = house.holder()
    caller = Caller("default", user=holder.user, key=holder.key, permissions=IN_BATCHES, patient=True)
    body = json.dumps(question()).encode()
    assert (await Inside(house.app).answer("/v1/chat/completions", body, caller)).status == 200
    revoke(house, holder)
    assert (await Inside(house.app).answer("/v1/chat/completions", body, caller)).status == 401
    house.close()
