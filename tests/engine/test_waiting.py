from __future__ import annotations

import numpy as np

from galerne.engine.request import GenerationRequest, Priority
from galerne.engine.sequence import Sequence
from galerne.engine.waiting import WaitingQueue


def waiting(arrival: int, tenant: str = "", priority: Priority = Priority.INTERACTIVE) -> Sequence:
    request = GenerationRequest(f"{tenant}{arrival}", (1,), 1, tenant=tenant, priority=priority)
    return Sequence(request, arrival, 0.0, None, np.random.default_rng())


def served(queue: WaitingQueue, tokens: int = 10) -> list[str]:
    """The ids in the order in which they are taken, each costing so many tokens."""
    order = []
    while (sequence := queue.peek()) is not None:
        queue.remove(sequence)
        queue.charge(sequence, tokens)
        order.append(sequence.request.id)
    assert len(queue) == 0
    return order


def test_first_come_first_served_within_a_tenant() -> None:
    queue = WaitingQueue()
    for arrival in range(4):
        queue.enter(waiting(arrival))
    assert served(queue) == ["0", "1", "2", "3"]


def test_tenants_take_turns_however_many_requests_they_have() -> None:
    queue = WaitingQueue()
    for arrival in range(4):
        queue.enter(waiting(arrival, "a"))
    queue.enter(waiting(4, "b"))
    queue.enter(waiting(5, "c"))
    queue.enter(waiting(6, "b"))
    assert served(queue) == ["a0", "b4", "c5", "a1", "b6", "a2", "a3"]


def test_tenants_with_costly_requests_wait_longer() -> None:
    queue = WaitingQueue()
    costly = waiting(0, "a")
    for sequence in (costly, waiting(1, "a"), *(waiting(arrival, "b") for arrival in range(2, 6))):
        queue.enter(sequence)
    queue.remove(costly)
    queue.charge(costly, 35)
    assert served(queue) == ["b2", "b3", "b4", "b5", "a1"]


def test_who_comes_back_has_earned_nothing_by_its_absence() -> None:
    queue = WaitingQueue()
    early = waiting(0, "idle")
    queue.enter(early)
    queue.remove(early)
    queue.leave(early)
    for arrival in range(1, 4):
        queue.enter(waiting(arrival, "busy"))
    busy = queue.peek()
    assert busy is not None
    queue.remove(busy)
    queue.charge(busy, 1000)
    for arrival in range(4, 7):
        queue.enter(waiting(arrival, "idle"))
    assert served(queue) == ["busy2", "idle4", "busy3", "idle5", "idle6"]


def test_interactive_requests_go_before_batch_ones() -> None:
    queue = WaitingQueue()
    queue.enter(waiting(0, "a", Priority.BATCH))
    queue.enter(waiting(1, "a"))
    queue.enter(waiting(2, "b", Priority.BATCH))
    queue.enter(waiting(3, "a"))
    assert served(queue) == ["a1", "a3", "b2", "a0"]


def test_a_preempted_one_goes_on_before_its_tenants_others() -> None:
    queue = WaitingQueue()
    sequences = [waiting(arrival) for arrival in range(3)]
    for sequence in sequences:
        queue.enter(sequence)
    queue.remove(sequences[0])
    queue.push_front(sequences[0])
    assert served(queue) == ["0", "1", "2"]


def test_nothing_is_kept_of_a_tenant_that_has_left() -> None:
    queue = WaitingQueue()
    for arrival in range(3):
        sequence = waiting(arrival, f"tenant {arrival}")
        queue.enter(sequence)
        queue.remove(sequence)
        queue.leave(sequence)
    assert (queue._served, queue._present, queue._queues) == ({}, {}, {})
