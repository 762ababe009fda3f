from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.engines.worker import Run
from benchmarks.measure import Result, measure
from benchmarks.peers import Candidate
from benchmarks.process import EngineError, EngineProcess

FAKE = Candidate("Fake", "tests.benchmarks.fake_engine", None)


@contextmanager
def started(model: str) -> Iterator[EngineProcess]:
    process = EngineProcess(FAKE, Path(model), threads=2)
    try:
        yield process
    finally:
        process.close()


def test_an_engine_is_told_what_to_run_and_answers() -> None:
    with started("any") as process:
        assert process.version == "fake 2"
        assert process.measure("prefill", 100) == Run(100, 0.5, 1.0)
        assert process.measure("decode", 8, 16) == Run(128, 2.0, 4.0)


def test_an_engine_that_cannot_load_says_why() -> None:
    with pytest.raises(EngineError, match="ended with 1: there is no such model"):
        EngineProcess(FAKE, Path("unloadable"), threads=1)


def test_an_engine_that_crashes_leaves_the_others_alone() -> None:
    with started("crashing") as crashing, started("any") as sound:
        results = [Result("Crashing", "as shipped", ""), Result("Sound", "as shipped", "")]
        measure(list(zip((crashing, sound), results, strict=True)), rounds=2, announce=lambda _: None)
    assert results[0].failure == "ended by SIGABRT"
    assert results[0].speed("prefill_512") is None
    assert results[1].failure is None
    assert results[1].speed("prefill_512") == 1024
    assert results[1].speed("decode_8") == 512
    assert [len(runs) for runs in results[1].runs.values()] == [2, 2, 2, 2]  # the first round only warms up
