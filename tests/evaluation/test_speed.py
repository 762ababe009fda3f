from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import FakeModel

from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.errors import EngineFailed
from galerne.evaluation.speed import Bench, measure
from galerne.kernels.batch import Batch


class TimedModel(FakeModel):
    """Each step takes 2 ms, and each of its rows 1 ms more, on three CPUs."""

    now = 0.0

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        self.now += 0.002 + 0.001 * len(batch.tokens)
        return super().forward(batch)


def bench_of(model: TimedModel) -> Bench:
    engine = Engine(model, EngineLimits(max_batch_tokens=256, speculation=False), clock=lambda: model.now)
    return Bench(engine, model, clock=lambda: model.now, cpu_clock=lambda: 3 * model.now)


def test_a_prompt_is_timed_to_its_first_token() -> None:
    run = bench_of(TimedModel(context_length=2048, blocks=128)).prefill(512)
    assert run.tokens == 512
    assert 0.512 + 2 * 0.002 <= run.seconds <= 0.512 + 40 * 0.002  # in two steps, or in more and smaller ones
    assert run.cpu_seconds == pytest.approx(3 * run.seconds)


def test_answers_are_timed_without_their_prompts() -> None:
    model = TimedModel()
    bench = bench_of(model)
    one, eight = bench.decode(1, 101), bench.decode(8, 51)
    assert (one.tokens, one.seconds) == (100, pytest.approx(100 * 0.003))
    assert (eight.tokens, eight.seconds) == (400, pytest.approx(50 * 0.010))


def test_no_prompt_is_found_in_the_cache() -> None:
    model = TimedModel(context_length=1024, blocks=128)
    bench = bench_of(model)
    for _ in range(3):
        bench.prefill(512)
    assert sum(model.rows) == 3 * 512


def test_the_median_of_the_rounds_and_none_for_what_does_not_fit() -> None:
    model = TimedModel(context_length=1024, blocks=256)
    rounds: list[str] = []
    speed = measure(bench_of(model), rounds=3, announce=rounds.append)
    assert rounds == ["round 1 of 3", "round 2 of 3", "round 3 of 3"]
    assert speed.prefill_2000 is None
    assert speed.prefill_512 == pytest.approx(1000, rel=0.2)
    assert speed.decode_1 == pytest.approx(1 / 0.003)
    assert speed.decode_8 == pytest.approx(8 / 0.010)
    assert speed.decode_cpu_seconds_per_token == pytest.approx(0.009)


def test_no_round_begins_after_the_time_is_over() -> None:
    rounds: list[str] = []
    measure(bench_of(TimedModel()), rounds=9, seconds=0.5, announce=rounds.append)
    assert len(rounds) == 1


def test_a_failing_model_ends_it() -> None:
    class Broken(TimedModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            raise ArithmeticError(f"cannot do {len(batch.tokens)}")

    with pytest.raises(EngineFailed, match="The model failed: cannot do 10"):
        bench_of(Broken()).prefill(10)
