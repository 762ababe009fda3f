"""Every failure leaves as an error object with its own status, whenever it comes."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.house import House
from tests.api.test_bodies import assert_refused

import galerne.errors
from galerne.api.errors import CLIENT_LEFT, INTERNAL, STATUS
from galerne.engine.request import GenerationRequest
from galerne.errors import EngineFailed, GalerneError, QueueFull, Unavailable

ERRORS = Path(__file__).parents[2] / "docs/errors.md"
ROW = re.compile(r"^\| (?:`(\w+)`|[^|`]+) \| `(\w+)` \| (\d{3}) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def tree(root: type[GalerneError] = GalerneError) -> Iterator[type[GalerneError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == galerne.errors.__name__:
            yield from tree(child)


def test_every_failure_has_a_status_and_a_code_of_its_own() -> None:
    assert set(STATUS) == set(tree())
    assert len({failure.code for failure in tree()}) == len(STATUS)


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"^    ([│├└─ ]*)(\w+)", galerne.errors.__doc__ or "", re.MULTILINE)
    assert [(len(branch) // 4, name) for branch, name in drawn] == list(depths(GalerneError))


def depths(failure: type[GalerneError], depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, failure.__name__
    for child in failure.__subclasses__():
        if child.__module__ == galerne.errors.__name__:
            yield from depths(child, depth + 1)


def test_every_failure_is_documented_with_its_code_and_status() -> None:
    rows = [(name, code, int(status)) for name, code, status, *_ in ROW.findall(ERRORS.read_text())]
    known = [(failure.__name__, failure.code, status.value) for failure, status in STATUS.items()]
    assert [row for row in rows if row[0]] == known
    assert ("", INTERNAL, 500) in rows


@pytest.mark.parametrize("failure", list(tree()), ids=lambda failure: failure.__name__)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_piece_has_its_status(failure: type[GalerneError], stream: bool) -> None:
    answer = await House(failure("it broke.", where="there", hint="Mend it.")).ask(stream=stream)
    message = assert_refused(answer, STATUS[failure], failure.code, "there")
    assert message == "there: it broke. Mend it."
    assert answer.json()["type"] == ("server_error" if answer.status >= 500 else "invalid_request_error")
    assert ("retry-after" in answer.headers) == issubclass(failure, Unavailable)


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (1, "1"), (2.5, "3")])
async def test_retry_after_is_in_whole_seconds(seconds: float, header: str) -> None:
    answer = await House(QueueFull("full.", retry_after=seconds)).ask()
    assert answer.headers["retry-after"] == header == str(math.ceil(seconds))


@pytest.mark.parametrize("stream", [False, True])
async def test_what_nobody_foresaw_is_told_to_the_log_alone(stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    def script(_: GenerationRequest) -> bytes:
        raise RuntimeError("password=hunter2")

    answer = await House(script).ask(stream=stream)
    assert_refused(answer, 500, INTERNAL)
    assert b"hunter2" not in answer.body
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "hunter2" in str(record.exc_info)
    assert vars(record)["request_id"] == answer.headers["x-request-id"]


async def test_a_failure_in_the_middle_of_an_answer() -> None:
    answer = await House(fails_after=3).ask()
    assert "the engine broke. Try again." in assert_refused(answer, 503, EngineFailed.code)


@pytest.mark.parametrize("n", [1, 2])
async def test_a_failure_in_the_middle_of_a_stream_is_its_last_piece(n: int) -> None:
    answer = await House(fails_after=3).ask(stream=True, n=n)
    assert answer.status == 200
    *pieces, last = answer.events
    assert "error" not in str(pieces)
    assert [choice["finish_reason"] for choice in last["choices"]] == ["error"] * n
    assert last["error"]["message"] == "the engine broke. Try again."
    assert last["error"]["code"] == EngineFailed.code


async def test_a_choice_that_was_complete_before_the_failure_stays_so() -> None:
    answers = iter([b"a", b"long enough to break"])
    events = (await House(lambda _: next(answers), fails_after=3).ask(stream=True, n=2)).events
    ends = [(c["index"], c["finish_reason"]) for e in events for c in e["choices"] if c["finish_reason"]]
    assert ends == [(0, "stop"), (1, "error")]


async def test_what_nobody_foresaw_in_the_middle_of_a_stream_leaks_nothing() -> None:
    house = House(fails_after=2)

    def explode(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    house.generator._event = explode  # type: ignore[assignment, method-assign]
    answer = await house.ask(stream=True)
    assert_refused(answer, 500, INTERNAL)


async def test_every_answer_has_a_request_id() -> None:
    house = House()
    answers = [
        await house.ask(),
        await house.ask(stream=True),
        await house.ask(n=0),
        await house.client.get("/nothing"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{32}", id) for id in ids)


@pytest.mark.parametrize(("asked", "kept"), [("ticket-42.a_B", True), ("", False), ("x" * 101, False), ("a b", False)])
async def test_a_client_may_name_its_request_within_reason(asked: str, kept: bool) -> None:
    answer = await House().client.get("/healthz", {"x-request-id": asked})
    assert (answer.headers["x-request-id"] == asked) is kept


async def test_a_request_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answer = await House().ask()
    (record,) = [record for record in caplog.records if record.name == "galerne.api.access"]
    assert record.getMessage() == "POST /v1/chat/completions"
    assert vars(record)["status"] == 200
    assert vars(record)["request_id"] == answer.headers["x-request-id"]


async def test_probes_are_lines_for_debugging_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await House().client.get("/healthz")
    assert caplog.records == []


def test_the_status_of_a_client_that_left_is_none_of_the_registered_ones() -> None:
    assert CLIENT_LEFT == 499
