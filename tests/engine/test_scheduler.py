"""Who is served when: priorities, fairness, memory, and that everything always goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.engine.fake_model import VOCABULARY, FakeModel, Transcript, answer, run

from galerne.engine.engine import Engine
from galerne.engine.limits import EngineLimits
from galerne.engine.request import GenerationRequest, Priority, Sampling
from galerne.kernels.batch import BLOCK


def request(id: str, prompt: int, max_tokens: int, **fields: object) -> GenerationRequest:
    tokens = np.random.Generator(np.random.Philox(sum(id.encode()))).integers(0, VOCABULARY, prompt).tolist()
    return GenerationRequest(id, tuple(tokens), max_tokens, Sampling(temperature=0), **fields)  # type: ignore[arg-type]


def drive(engine: Engine, said: Transcript, steps: int = 100_000) -> Transcript:
    while engine.has_work and steps:
        said.add(engine.step())
        steps -= 1
    return said


def assert_right(said: Transcript, *requests: GenerationRequest) -> None:
    for each in requests:
        assert said.tokens[each.id] == answer(each)


def test_a_step_mixes_answers_and_prompts_within_its_bound() -> None:
    model = FakeModel()
    engine = Engine(model, EngineLimits(max_batch_tokens=20, speculation=False))
    short, long = request("short", 4, 30), request("long", 150, 5)
    said = Transcript()
    engine.submit(short)
    drive(engine, said, 2)
    engine.submit(long)
    drive(engine, said, 3)
    assert model.rows == [4, 1, 20, 20, 20]
    assert len(said.tokens["short"]) == 5
    assert_right(drive(engine, said), short, long)


def test_a_short_prompt_does_not_wait_for_a_long_one() -> None:
    engine = Engine(FakeModel(), EngineLimits(max_batch_tokens=32))
    long, short = request("long", 400, 1), request("short", 16, 1)
    engine.submit(long)
    engine.submit(short)
    said = drive(engine, Transcript(), 1)
    assert "short" in said.ends
    assert_right(drive(engine, said), long, short)


def test_more_short_prompts_do_not_starve_a_long_one() -> None:
    engine = Engine(FakeModel(), EngineLimits(max_batch_tokens=32, max_running=4))
    engine.submit(request("long", 320, 1))
    said = Transcript()
    for index in range(20):
        engine.submit(request(f"{index}", 30, 1))
        drive(engine, said, 1)
    assert "long" in said.ends


def test_an_interactive_request_goes_before_a_waiting_batch() -> None:
    engine = Engine(FakeModel(), EngineLimits(max_running=1))
    batch = [request(f"batch {n}", 20, 5, priority=Priority.BATCH) for n in range(3)]
    for each in batch:
        engine.submit(each)
    said = drive(engine, Transcript(), 2)
    chat = request("chat", 20, 5)
    engine.submit(chat)
    drive(engine, said)
    assert list(said.ends) == ["chat", "batch 0", "batch 1", "batch 2"]  # preempted, it goes on first
    assert engine.statistics()["preemptions"] == 1
    assert_right(said, chat, *batch)


def test_an_interactive_request_takes_the_memory_of_a_batch() -> None:
    engine = Engine(FakeModel(blocks=8))
    batch = request("batch", 200, 50, priority=Priority.BATCH)
    engine.submit(batch)
    said = drive(engine, Transcript(), 3)
    chat = request("chat", 100, 20)
    engine.submit(chat)
    drive(engine, said)
    assert list(said.ends) == ["chat", "batch"]
    assert_right(said, chat, batch)


def test_memory_is_taken_from_a_row_that_was_planned_already() -> None:
    """The batch answer has its row of the step before the chat's prompt finds that it needs one more block."""
    model = FakeModel(blocks=5)
    engine = Engine(model, EngineLimits(max_batch_tokens=4, speculation=False))
    batch = request("batch", 4, 80, priority=Priority.BATCH)
    chat = request("chat", 100, 2)
    engine.submit(batch)
    said = drive(engine, Transcript(), 5)
    engine.submit(chat)
    drive(engine, said)
    assert engine.statistics()["preemptions"] == 1
    assert list(said.ends) == ["chat", "batch"]
    assert_right(said, chat, batch)


def test_a_tenant_with_one_request_does_not_wait_for_a_tenant_with_many() -> None:
    engine = Engine(FakeModel(), EngineLimits(max_running=1))
    for index in range(10):
        engine.submit(request(f"many {index}", 20, 3, tenant="many"))
    said = drive(engine, Transcript(), 1)
    engine.submit(request("one", 20, 3, tenant="one"))
    drive(engine, said)
    assert list(said.ends).index("one") == 1


def test_tenants_share_the_prompt_rows_though_all_their_requests_run() -> None:
    engine = Engine(FakeModel(blocks=200), EngineLimits(max_batch_tokens=32))
    for index in range(8):
        engine.submit(request(f"many {index}", 300, 1, tenant="many"))
    said = drive(engine, Transcript(), 2)
    engine.submit(request("one", 300, 1, tenant="one"))
    drive(engine, said)
    assert list(said.ends).index("one") <= 2


def test_requests_wait_when_memory_is_short_and_all_are_answered() -> None:
    engine = Engine(FakeModel(blocks=6))
    requests = [request(f"r{index}", 40 + index, 60) for index in range(12)]
    said = run(engine, *requests)
    assert_right(said, *requests)
    assert next(iter(said.ends)) == "r0"


def test_a_common_prompt_that_is_held_already_needs_no_memory_twice() -> None:
    engine = Engine(FakeModel(blocks=11))
    first = request("first", 8 * BLOCK, 30)
    second = replace(first, id="second", max_tokens=5)
    engine.submit(first)
    said = drive(engine, Transcript(), 10)
    engine.submit(second)
    drive(engine, said)
    assert list(said.ends) == ["second", "first"]
    assert engine.statistics()["preemptions"] == 0
    assert_right(said, first, second)


@pytest.mark.parametrize("blocks", [4, 5, 7])
def test_requests_that_each_fill_the_cache_take_turns(blocks: int) -> None:
    engine = Engine(FakeModel(blocks=blocks))
    requests = [request(f"r{index}", 20 + index, 4 * BLOCK - 22 - index) for index in range(6)]
    assert_right(run(engine, *requests), *requests)
    assert engine.statistics()["blocks_held"] == 0


def test_the_cache_may_be_one_block() -> None:
    engine = Engine(FakeModel(blocks=1))
    requests = [request(f"r{index}", 20, 13) for index in range(3)]
    assert_right(run(engine, *requests, replace(requests[0], id="r0 again")), *requests)


def test_a_step_may_have_one_row() -> None:
    model = FakeModel()
    requests = [request(f"r{index}", 10, 5) for index in range(3)]
    assert_right(run(Engine(model, EngineLimits(max_batch_tokens=1)), *requests), *requests)
    assert set(model.rows) == {1}


def test_the_model_bounds_the_rows_of_a_step() -> None:
    model = FakeModel(max_rows=7)
    requests = [request(f"r{index}", 50, 5) for index in range(10)]
    assert_right(run(Engine(model), *requests), *requests)
    assert max(model.rows) == 7
