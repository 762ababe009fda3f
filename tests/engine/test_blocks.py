from __future__ import annotations

from galerne.engine.blocks import BlockPool


def test_every_block_is_given_once() -> None:
    pool = BlockPool(5, evicted=print)
    assert sorted(pool.take() for _ in range(5)) == list(range(5))
    assert pool.available == 0


def test_a_block_is_free_when_its_last_holder_releases_it() -> None:
    pool = BlockPool(1, evicted=print)
    block = pool.take()
    pool.hold(block)
    pool.release(block)
    assert pool.available == 0
    pool.release(block)
    assert (pool.available, pool.idle) == (1, 0)


def test_kept_blocks_are_evicted_last_and_the_longest_idle_first() -> None:
    evicted: list[int] = []
    pool = BlockPool(4, evicted.append)
    blocks = [pool.take() for _ in range(4)]
    for block in blocks[:3]:
        pool.keep(block)
    for block in (blocks[1], blocks[0], blocks[3], blocks[2]):
        pool.release(block)
    assert (pool.available, pool.idle) == (4, 3)
    assert [pool.take() for _ in range(4)] == [blocks[3], blocks[1], blocks[0], blocks[2]]
    assert evicted == [blocks[1], blocks[0], blocks[2]]


def test_an_idle_block_can_be_held_again_and_is_young_after_that() -> None:
    evicted: list[int] = []
    pool = BlockPool(2, evicted.append)
    first, second = pool.take(), pool.take()
    for block in (first, second):
        pool.keep(block)
        pool.release(block)
    pool.hold(first)
    assert pool.available == 1
    pool.release(first)
    assert pool.take() == second


def test_a_dropped_block_is_free_at_once_or_when_released() -> None:
    evicted: list[int] = []
    pool = BlockPool(2, evicted.append)
    held, idle = pool.take(), pool.take()
    for block in (held, idle):
        pool.keep(block)
    pool.release(idle)
    pool.drop(idle)
    pool.drop(held)
    pool.release(held)
    assert (pool.available, pool.idle) == (2, 0)
    assert sorted([pool.take(), pool.take()]) == sorted([held, idle])
    assert evicted == []
