"""The engine as a whole, with a model that detects every fault of the cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.fake_model import VOCABULARY, FakeModel, Transcript, answer, run

from galerne.engine.engine import PATIENCE, Engine
from galerne.engine.events import EndReason
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Priority, Sampling
from galerne.errors import EngineFailed, InvalidRequest, PromptTooLong, QueueFull
from galerne.kernels.batch import BLOCK, Batch

GREEDY = Sampling(temperature=0)


def request(id: str, prompt: list[int] | int = 5, max_tokens: int = 8, **fields: object) -> GenerationRequest:
    """A greedy request; a prompt given as a number is a random one of that many tokens."""
    if isinstance(prompt, int):
        prompt = np.random.Generator(np.random.Philox(prompt)).integers(0, VOCABULARY, prompt).tolist()
    return GenerationRequest(id, tuple(prompt), max_tokens, **{"sampling": GREEDY, **fields})  # type: ignore[arg-type]


def mixed_requests(count: int) -> list[GenerationRequest]:
    """Long and short ones, alike and different, greedy and sampled, of two tenants and both priorities."""
    rng = np.random.Generator(np.random.Philox(count))
    common = rng.integers(0, VOCABULARY, 120).tolist()
    requests = []
    for index in range(count):
        prompt = common[: rng.integers(1, 121)] + rng.integers(0, VOCABULARY, rng.integers(1, 60)).tolist()
        sampling = GREEDY if index % 2 else Sampling(temperature=0.5 + index / count, top_p=0.9, seed=index)
        requests.append(
            request(
                f"r{index}",
                prompt,
                int(rng.integers(1, 90)),
                sampling=sampling,
                stop_tokens=frozenset([3]) if index % 3 else frozenset(),
                min_tokens=index % 5,
                tenant="ab"[index % 2],
                priority=Priority(index % 4 == 3),
            )
        )
    return requests


SHAPES = {  # blocks, max_batch_tokens, max_running
    "roomy": (200, 256, 32),
    "short of memory": (11, 64, 16),
    "short of rows": (64, 5, 16),
    "one at a time": (64, 256, 1),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("prefix_cache", [True, False])
@pytest.mark.parametrize("speculation", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_answers_do_not_depend_on_how_they_are_computed(
    shape: str, prefix_cache: bool, speculation: bool, apart: bool
) -> None:
    blocks, rows, running = SHAPES[shape]
    limits = EngineLimits(rows, running, 100, prefix_cache=prefix_cache, speculation=speculation)
    engine = Engine(FakeModel(blocks, answers_apart=apart), limits)
    requests = mixed_requests(24)
    said = run(engine, *requests)
    for each in requests:
        expected = answer(each, apart=apart)
        assert said.tokens.get(each.id, []) == expected
        stopped = len(expected) < each.max_tokens
        end = said.ends[each.id]
        assert end.reason is (EndReason.STOP if stopped else EndReason.LENGTH)
        assert end.work.prompt_tokens == len(each.prompt)
        assert end.work.completion_tokens == len(expected) + stopped
    statistics = engine.statistics()
    assert statistics["blocks_held"] == statistics["running"] == statistics["waiting"] == 0
    assert (statistics["cached_tokens"] > 0) == prefix_cache
    assert (statistics["accepted_tokens"] > 0) == speculation or shape == "short of rows"
    assert (statistics["preemptions"] > 0) == (shape == "short of memory")


def test_a_common_prefix_is_computed_once_while_the_first_request_still_runs() -> None:
    model = FakeModel(blocks=200, context_length=3000)
    engine = Engine(model)
    prefix = request("", 2000).prompt
    said = Transcript()
    engine.submit(request("first", [*prefix, 1], 100))
    while not said.tokens:
        said.add(engine.step())
    before = sum(model.rows)
    engine.submit(request("second", [*prefix, 2], 1))
    while "second" not in said.ends:
        said.add(engine.step())
    assert "first" not in said.ends
    assert said.ends["second"].work.cached_tokens == len(prefix)
    assert sum(model.rows) - before <= 5  # one of the second request, the others are the first one's answer
    assert said.tokens["second"] == answer(request("", [*prefix, 2], 1))


def test_choices_of_one_prompt_share_its_blocks_though_they_arrive_together() -> None:
    model = FakeModel(blocks=200)
    engine = Engine(model)
    prompt = list(request("", 200).prompt)
    choices = [request(f"c{n}", prompt, 10, sampling=Sampling(seed=n)) for n in range(8)]
    said = run(engine, *choices)
    assert [said.tokens[each.id] for each in choices] == [answer(each) for each in choices]
    assert sum(end.work.cached_tokens for end in said.ends.values()) == 7 * (len(prompt) - 1)


def test_the_last_prompt_token_is_always_computed() -> None:
    engine = Engine(FakeModel())
    prompt = list(request("", 2 * BLOCK).prompt)
    first, second = (run(engine, request(id, prompt)) for id in "ab")
    assert first.tokens["a"] == second.tokens["b"]
    assert second.ends["b"].work.cached_tokens == 2 * BLOCK - 1


def test_tenants_do_not_find_each_others_prompts() -> None:
    engine = Engine(FakeModel())
    prompt = list(request("", 110).prompt)
    run(engine, request("a", prompt, tenant="one"))
    assert run(engine, request("b", prompt, tenant="two")).ends["b"].work.cached_tokens == 0
    assert run(engine, request("c", prompt, tenant="one")).ends["c"].work.cached_tokens == 109


def test_a_conversation_goes_on_from_its_own_answer() -> None:
    engine = Engine(FakeModel())
    prompt = list(request("", 50).prompt)
    first = run(engine, request("a", prompt, 30)).tokens["a"]
    follow_up = [*prompt, *first, 1, 2, 3]
    said = run(engine, request("b", follow_up))
    assert said.ends["b"].work.cached_tokens == len(prompt) + len(first) - 1  # its last token was never computed
    assert said.tokens["b"] == answer(request("b", follow_up))


@pytest.mark.parametrize("steps", range(8))
def test_cancelling_at_any_moment_ends_a_request_once_and_frees_its_blocks(steps: int) -> None:
    engine = Engine(FakeModel(max_rows=8))
    other = request("other", 20, 20)
    said = Transcript()
    for each in (request("cancelled", 30, 50), other):
        engine.submit(each)
    for _ in range(steps):
        said.add(engine.step())
    engine.cancel("cancelled")
    engine.cancel("cancelled")
    engine.cancel("never was")
    with pytest.raises(InvalidRequest, match="under way"):
        engine.submit(request("cancelled"))  # its end was not told yet
    while engine.has_work:
        said.add(engine.step())
    end = said.ends["cancelled"]
    assert end.reason is EndReason.CANCELLED
    assert end.work.completion_tokens == len(said.tokens.get("cancelled", []))
    assert said.tokens["other"] == answer(other)
    assert engine.statistics()["blocks_held"] == 0
    engine.cancel("cancelled")
    assert not engine.has_work


def test_a_request_that_could_never_fit_is_refused_with_numbers() -> None:
    engine = Engine(FakeModel(blocks=4, context_length=200))
    with pytest.raises(PromptTooLong, match=r"150 tokens of prompt and 51 of answer .* 200 "):
        engine.submit(request("a", 150, 51))
    with pytest.raises(PromptTooLong, match=r"100 tokens of prompt and 30 of answer .* 128 "):
        engine.submit(request("b", 100, 30))
    assert not engine.has_work
    fitting = request("c", 100, 29)  # its last token is never stored
    assert run(engine, fitting).tokens["c"] == answer(fitting)


def test_the_queue_is_bounded() -> None:
    engine = Engine(FakeModel(), EngineLimits(max_running=2, max_waiting=3))
    for index in range(5):
        engine.submit(request(f"r{index}"))
    with pytest.raises(QueueFull):
        engine.submit(request("one too many"))
    engine.cancel("r4")
    engine.submit(request("in its place"))
    said = run(engine)
    assert set(said.ends) == {"r0", "r1", "r2", "r3", "r4", "in its place"}


def test_one_id_is_one_request() -> None:
    engine = Engine(FakeModel())
    engine.submit(request("a"))
    with pytest.raises(InvalidRequest, match="'a' is under way"):
        engine.submit(request("a"))
    run(engine)
    assert run(engine, request("a")).tokens["a"] == answer(request("a"))


def test_a_prompt_does_not_hold_up_answers_longer_than_the_step_may_take() -> None:
    now = 0.0

    class Slow(FakeModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            nonlocal now
            now += 0.010 + 0.002 * len(batch.tokens)
            return super().forward(batch)

    engine = Engine(Slow(blocks=200, context_length=3000), EngineLimits(step_seconds=0.1), clock=lambda: now)
    said = Transcript()
    for index in range(4):
        engine.submit(request(f"r{index}", 10 + index, 400))
    for _ in range(20):
        said.add(engine.step())
    engine.submit(request("long", 2000, 1))
    gaps = []
    while "long" not in said.ends:
        before = now
        events = engine.step()
        said.add(events)
        gaps.append(now - before)
        assert {event.id for event in events} >= {f"r{index}" for index in range(4)}
    assert max(gaps) < 0.15
    assert len(gaps) < 60  # and the prompt is not starved: 2000 rows at 2 ms are 40 steps of 0.1 s


def test_work_is_measured_and_shared_by_rows() -> None:
    now = cpu = 0.0

    class Timed(FakeModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            nonlocal now, cpu
            now += 1.0
            cpu += 0.5 * len(batch.tokens)
            return super().forward(batch)

    engine = Engine(Timed(), EngineLimits(max_running=2), clock=lambda: now, cpu_clock=lambda: cpu)
    said = run(engine, request("a", 10, 3), request("b", 20, 1), request("c", 4, 1))
    work = {id: end.work for id, end in said.ends.items()}
    assert work["a"].cpu_seconds == pytest.approx(0.5 * (10 + 2))
    assert work["b"].cpu_seconds == pytest.approx(0.5 * 20)
    assert (work["a"].queue_seconds, work["a"].wall_seconds) == (0.0, 3.0)
    assert (work["b"].queue_seconds, work["b"].wall_seconds) == (0.0, 1.0)
    assert (work["c"].queue_seconds, work["c"].wall_seconds) == (1.0, 2.0)
    assert sum(each.cpu_seconds for each in work.values()) == pytest.approx(cpu)


def test_energy_is_shared_by_rows_and_unknown_where_one_step_of_it_is() -> None:
    counter: list[float | None] = [100.0]

    class Warm(FakeModel):
        def forward(self, batch: Batch) -> NDArray[np.float32]:
            if counter[0] is not None:
                counter[0] += 2.0 * len(batch.tokens)
            return super().forward(batch)

    engine = Engine(Warm(), joules=lambda: counter[0])
    said = run(engine, request("a", 10, 3), request("b", 20, 1))
    joules = {id: end.work.joules for id, end in said.ends.items()}
    assert joules == {"a": pytest.approx(2.0 * (10 + 2)), "b": pytest.approx(2.0 * 20)}
    engine.submit(request("c", 10, 3))
    engine.step()
    counter[0] = None
    assert run(engine).ends["c"].work.joules is None


def test_without_a_counter_energy_is_unknown_even_of_what_never_ran() -> None:
    engine = Engine(FakeModel())
    engine.submit(request("a", 10, 3))
    engine.cancel("a")
    engine.submit(request("b", 10, 3))
    assert [end.work.joules for end in run(engine).ends.values()] == [None, None]


class Faulty(FakeModel):
    """Raises, or computes nonsense for one token, while `fault` says so."""

    fault = ""

    def forward(self, batch: Batch) -> NDArray[np.float32]:
        logits = super().forward(batch)
        if self.fault == "raise":
            raise FloatingPointError("out of order")
        last = np.repeat(np.arange(len(batch.lengths)), np.diff(batch.starts))
        for index, row in enumerate(batch.outputs):
            if self.fault in ("nan", "inf") and batch.blocks[last[row], 0] == self.broken_block:
                logits[index, 7] = float(self.fault)
        return logits

    broken_block = 0


@pytest.mark.parametrize("fault", ["nan", "inf"])
def test_logits_that_are_no_numbers_fail_their_request_alone(fault: str) -> None:
    model = Faulty()
    model.fault = fault
    engine = Engine(model)
    said = run(engine, request("bad", 40), request("good", 50))
    assert said.ends["bad"].reason is EndReason.FAILED
    assert "not a number" in (said.ends["bad"].error or "")
    assert said.tokens["good"] == answer(request("good", 50))
    model.fault = ""
    again = run(engine, request("bad", 40))
    assert again.ends["bad"].work.cached_tokens == 0  # nobody inherits what was computed wrongly
    assert again.tokens["bad"] == answer(request("bad", 40))


def test_a_failing_model_fails_the_requests_of_its_step_and_the_engine_goes_on() -> None:
    model = Faulty()
    engine = Engine(model, EngineLimits(max_running=2))
    for each in (request("a"), request("b"), request("c")):
        engine.submit(each)
    model.fault = "raise"
    said = Transcript()
    said.add(engine.step())
    model.fault = ""
    while engine.has_work:
        said.add(engine.step())
    assert {id: end.reason for id, end in said.ends.items()} == {
        "a": EndReason.FAILED,
        "b": EndReason.FAILED,
        "c": EndReason.LENGTH,
    }
    assert "out of order" in (said.ends["a"].error or "")
    assert said.tokens["c"] == answer(request("c"))


def test_a_model_that_keeps_failing_ends_every_request_and_then_the_engine() -> None:
    model = Faulty()
    model.fault = "raise"
    engine = Engine(model, EngineLimits(max_running=1))
    said = Transcript()
    for index in range(PATIENCE + 2):
        engine.submit(request(f"r{index}"))
    for _ in range(PATIENCE):
        said.add(engine.step())
    assert {end.reason for end in said.ends.values()} == {EndReason.FAILED}
    assert len(said.ends) == PATIENCE + 2
    assert engine.has_work  # so that whoever drives it hears of it
    with pytest.raises(EngineFailed):
        engine.step()
    with pytest.raises(EngineFailed):
        engine.submit(request("late"))


@pytest.mark.parametrize("max_tokens", [1, 2, 5])
@pytest.mark.parametrize("min_tokens", [0, 1, 4, 9])
def test_lengths_are_kept_to(max_tokens: int, min_tokens: int) -> None:
    wanted = request("a", 9, max_tokens, min_tokens=min_tokens, stop_tokens=frozenset(range(0, VOCABULARY, 2)))
    said = run(Engine(FakeModel()), wanted)
    tokens = said.tokens.get("a", [])
    assert tokens == answer(wanted)
    assert min(min_tokens, max_tokens) <= len(tokens) <= max_tokens


def test_a_sequence_may_fill_the_whole_context() -> None:
    wanted = request("a", 100, 156)
    assert run(Engine(FakeModel(context_length=256)), wanted).tokens["a"] == answer(wanted)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63, 2**64, 10**30])
def test_the_same_seed_gives_the_same_tokens_whatever_runs_beside_it(seed: int) -> None:
    wanted = request("a", 40, 40, sampling=Sampling(temperature=0.8, seed=seed))
    alone = run(Engine(FakeModel()), wanted).tokens["a"]
    noise = [replace(each, id=f"noise{each.id}") for each in mixed_requests(12)]
    beside = run(Engine(FakeModel(blocks=12)), *noise[:6], wanted, *noise[6:]).tokens["a"]
    assert alone == beside == answer(wanted)


def test_without_a_seed_answers_differ() -> None:
    engine = Engine(FakeModel())
    said = run(engine, *(request(f"r{index}", 10, 30, sampling=Sampling(temperature=2)) for index in range(4)))
    assert len({tuple(tokens) for tokens in said.tokens.values()}) == 4
