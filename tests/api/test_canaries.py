"""Words that were planted in keys, prompts and headers are found nowhere but where content is kept on purpose."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.house import CHAT, question
from tests.api.kept_house import ANNA, KeptHouse

from galerne.cli.log_lines import _JsonLine, _TextLine
from galerne.errors import EngineFailed

KEY, PROMPT, ANSWER, HEADER = "canary-key-5f1c", "canary-prompt-9d02", "canary-answer-77aa", "canary-header-31be"
CANARIES = (KEY, PROMPT, ANSWER, HEADER)
HEADERS = ANNA | {"cookie": f"session={HEADER}", "user-agent": HEADER, "x-request-id": f"{HEADER}\n", "x-own": HEADER}
WRONG_KEY = {"authorization": f"Bearer {KEY}"}


class Lines(logging.Handler):
    """All that is logged, at any level, as both forms of the log say it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += _JsonLine().format(record) + _TextLine().format(record)


@pytest.fixture
def log() -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines)
    root.setLevel(level)


def seen(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [canary for canary in CANARIES if canary.encode() in data]


def kept(house: KeptHouse) -> bytes:
    """All that lies on the disk."""
    return b"".join(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())


async def everywhere_else(house: KeptHouse, log: Lines) -> dict[str, list[str]]:
    """Where a canary may never be."""
    metrics = (await house.client.get("/metrics")).body
    logs = "".join([*house.kept.receipts.lines(), *house.kept.audit.lines()])
    readable = json.dumps(list(house.kept.audit.log.readable()))
    places = {"log": log.text, "metrics": metrics, "receipts and audit log": logs + readable}
    return {place: found for place, text in places.items() if (found := seen(text))}


async def test_an_answer_leaves_nothing_behind(tmp_path: Path, log: Lines) -> None:
    house = KeptHouse(tmp_path, lambda _: ANSWER.encode())
    for fields in ({}, {"stream": True}, {"n": 2}):
        answer = await house.client.post(CHAT, question(PROMPT, user=HEADER, **fields), HEADERS)
        assert answer.status == 200
        assert HEADER not in str(answer.headers)
    assert (await house.post("/v1/embeddings", {"model": "mistral-embed", "input": PROMPT})).status == 200
    await house.kept.billing.end()
    assert await everywhere_else(house, log) == {}
    assert seen(kept(house)) == []


async def test_failures_quote_nothing(tmp_path: Path, log: Lines) -> None:
    house = KeptHouse(tmp_path, lambda _: EngineFailed("the engine broke."))
    wrong = [
        question(PROMPT, temperature=PROMPT),
        question(PROMPT, messages=PROMPT),
        question(PROMPT, messages=[{"role": PROMPT, "content": PROMPT}]),
        question(PROMPT, tools=[{"type": "function", "function": {"name": f"no {PROMPT}"}}]),
        question(PROMPT, max_tokens=10**9),
        question(PROMPT * 100),
        question(PROMPT),
        json.dumps(question(PROMPT)).encode()[:-9],
        f'{{"{PROMPT[:6]}'.encode(),
    ]
    for body in wrong:
        answer = await house.client.post(CHAT, body, HEADERS)
        assert answer.status >= 400
        assert seen(answer.body) == [], body
    refused = await house.client.post(CHAT, question(PROMPT), HEADERS | WRONG_KEY)
    assert (refused.status, seen(refused.body)) == (401, [])
    assert await everywhere_else(house, log) == {}
    assert seen(kept(house)) == []


async def test_what_nobody_foresaw_is_told_without_what_was_sent(tmp_path: Path, log: Lines) -> None:
    def broken(_: object) -> bytes:
        raise RuntimeError("a fault of the program")

    house = KeptHouse(tmp_path, broken)
    answer = await house.client.post(CHAT, question(PROMPT), HEADERS)
    assert (answer.status, seen(answer.body)) == (500, [])
    assert "a fault of the program" in log.text
    assert await everywhere_else(house, log) == {}


async def test_what_is_kept_on_purpose_is_in_the_database_and_nowhere_else(tmp_path: Path, log: Lines) -> None:
    house = KeptHouse(tmp_path, lambda _: ANSWER.encode())
    answer = await house.post("/v1/responses", {"model": "fake", "input": PROMPT})
    assert answer.status == 200
    assert (await house.upload(PROMPT.encode(), f"{HEADER}.txt")).status == 200
    assert await everywhere_else(house, log) == {}
    assert set(seen(kept(house))) == {PROMPT, ANSWER, HEADER}


async def test_a_password_is_nowhere(tmp_path: Path, log: Lines) -> None:
    house = KeptHouse(tmp_path)
    for email, password in ((f"{HEADER}@example.org", KEY), (PROMPT, KEY), ("anna@example.org", KEY * 100)):
        answer = await house.client.post("/v1/sessions", {"email": email, "password": password}, {})
        assert answer.status >= 400
        assert KEY not in answer.body.decode()
    assert KEY.encode() not in kept(house)
    assert KEY not in log.text + "".join(house.kept.audit.lines())
    assert (await everywhere_else(house, log)).get("log", []) == []
