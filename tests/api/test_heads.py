"""One installation keeps another one's heads, and remembers what that one would like to forget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.api.kept_house import KeptHouse

from galerne.errors import BadFile
from galerne.flows.anchoring import Anchoring
from galerne.flows.signed_log import SignedLog, read_heads
from galerne.ledger.audit import SERVER, Action, Event
from galerne.ledger.chain import EMPTY, Head
from galerne.ledger.heads import AUDIT, sign_head
from galerne.ledger.signing import SigningKey
from galerne.store.audit import SqlAuditLog
from galerne.store.database import Database

KEY = SigningKey.generate()
HEADS = "/v1/audit/heads"


class Log:
    """As long as it says."""

    def __init__(self, size: int) -> None:
        self.size = size

    def head(self) -> Head:
        return Head(self.size, f"{self.size:064x}")

    def lines(self) -> list[str]:
        return []


class Other:
    """Fills the port `Peer`: the other installation, with no socket between."""

    def __init__(self, house: KeptHouse, loop: asyncio.AbstractEventLoop) -> None:
        self._house = house
        self._loop = loop

    def keep(self, head: Mapping[str, Any], public_key: str) -> Mapping[str, Any]:
        asked = self._house.post(HEADS, {"head": dict(head), "public_key": public_key})
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result().json()["longest"]


async def test_a_log_that_became_shorter_is_told_so(tmp_path: Path) -> None:
    log = Log(5)
    anchoring = Anchoring(SignedLog(AUDIT, log, KEY), peer=Other(KeptHouse(tmp_path), asyncio.get_running_loop()))
    for size in (5, 5, 8):
        log.size = size
        await asyncio.to_thread(anchoring.anchor)
    log.size = 6
    with pytest.raises(BadFile, match=r"had 8 records .* and has 6 now"):
        await asyncio.to_thread(anchoring.anchor)


async def test_what_was_kept_is_what_a_check_takes(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    for size in (9, 3):
        head = sign_head(AUDIT, Log(size).head(), "2026-11-25T00:00:00Z", KEY)
        assert (await house.post(HEADS, {"head": head, "public_key": KEY.public.pem})).status == 200
    kept = (await house.get(f"{HEADS}?key={KEY.public.id}")).json()["data"]
    heads = read_heads(map(json.dumps, kept), AUDIT, KEY.public, "the peer")
    assert [head.head.size for head in heads] == [3, 9]
    assert (await house.get(f"{HEADS}?key=another")).json()["data"] == []


async def test_two_logs_cannot_both_be_the_one(tmp_path: Path) -> None:
    house = KeptHouse(tmp_path)
    answers = [
        await house.post(HEADS, {"head": sign_head(AUDIT, Head(5, last * 64), "t", KEY), "public_key": KEY.public.pem})
        for last in "aab"
    ]
    assert [answer.status for answer in answers] == [200, 200, 409]


@pytest.mark.parametrize(
    ("head", "pem"),
    [
        (sign_head(AUDIT, Head(5, "a" * 64), "t", SigningKey.generate()), KEY.public.pem),
        (sign_head(AUDIT, Head(5, "a" * 64), "t", KEY) | {"size": 6}, KEY.public.pem),
        (sign_head(AUDIT, Head(5, "a" * 64), "t", KEY), "no key"),
        (sign_head("another", Head(5, "a" * 64), "t", KEY), KEY.public.pem),
        (sign_head(AUDIT, Head(-5, "a" * 64), "t", KEY), KEY.public.pem),
        (sign_head(AUDIT, Head(5, "short"), "t", KEY), KEY.public.pem),
        (KEY.sign({"kind": "head", "log": AUDIT, "size": "5", "last": "a" * 64}), KEY.public.pem),
        (KEY.sign({"kind": "erasure"}), KEY.public.pem),
        ({}, KEY.public.pem),
    ],
)
async def test_what_is_no_head_of_this_key_is_refused(tmp_path: Path, head: dict[str, Any], pem: str) -> None:
    answer = await KeptHouse(tmp_path).post(HEADS, {"head": head, "public_key": pem})
    assert (answer.status, answer.json()["code"]) == (422, "invalid_request")


def test_nothing_is_a_head_too(sqlite: Database) -> None:
    log = SqlAuditLog(sqlite, KEY)
    assert log.head() == EMPTY
    log.record(Event(Action.SERVER_STARTED, SERVER))
    assert Anchoring(SignedLog(AUDIT, log, KEY)).anchor()["head"]["size"] == 1
