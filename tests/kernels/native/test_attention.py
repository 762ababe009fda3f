"""Attention over scattered blocks: shapes of heads, windows, long caches that are split, many sequences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.kernels.native.attending import Heads, assert_attends, steps
from tests.kernels.native.inputs import batch, floats, stored
from tests.kernels.native.twin import run

from galerne.kernels.batch import Batch
from galerne.kernels.interface import Attention
from galerne.kernels.native.units import SLOTS


@pytest.mark.parametrize("head_dim", [1, 16, 20, 32, 33, 48, 64, 80, 96, 100, 128, 192])
def test_heads_of_any_size(head_dim, caching_kernels):
    assert_attends(caching_kernels, Heads(4, 2, head_dim), ((0, 45),), ((45, 1),))


@pytest.mark.parametrize(("heads", "kv_heads"), [(1, 1), (3, 1), (9, 3), (8, 8), (14, 2), (32, 2), (50, 1)])
def test_groups_of_any_size(heads, kv_heads, caching_kernels):
    """Up to more heads in a group than a tile of queries should have."""
    for spans in (((0, 37),), ((0, 1),)):
        assert_attends(caching_kernels, Heads(heads, kv_heads), spans)


@pytest.mark.parametrize("window", [1, 2, 7, 31, 32, 33, 60, 500, None])
def test_windows(window, caching_kernels):
    heads = Heads(window=window)
    assert_attends(caching_kernels, heads, ((0, 70),), ((70, 5),))
    assert_attends(caching_kernels, heads, ((0, 90),), ((90, 40),))


@pytest.mark.parametrize("past", [500, 511, 512, 1100])
def test_a_long_past(past, caching_kernels):
    """More than one chunk of the cache: few queries share it out among the threads, many do not."""
    starts = [0, past, past + 1, past + 6, past + 14, past + 23, past + 53]
    spans = [((first, last - first),) for first, last in itertools.pairwise(starts)]
    assert_attends(caching_kernels, Heads(4, 2, 16), *spans, blocks=40)


@pytest.mark.parametrize("window", [40, 513, 700])
def test_a_window_in_a_long_past(window, caching_kernels):
    heads = Heads(4, 2, 16, window=window)
    assert_attends(caching_kernels, heads, ((0, 500),), ((500, 600),), ((1100, 3),), blocks=40)


def test_many_sequences_of_every_length(caching_kernels):
    """Each in its own scattered blocks, some new, some long."""
    pasts = (0, 1, 31, 32, 33, 63, 64, 90, 0, 17, 5, 60, 34)
    fresh = (1, 1, 1, 33, 2, 1, 31, 1, 70, 40, 1, 3, 29)
    spans = [[(0, max(past, 1)) for past in pasts], list(zip(pasts, fresh, strict=True))]
    assert_attends(caching_kernels, Heads(3, 1, 24), *spans, blocks=13 * 4)


def test_more_long_sequences_than_there_is_room_to_split(caching_kernels):
    """Those without room for partial results go through the cache alone: the numbers are the same."""
    count, past = SLOTS // 2 + 9, 600  # of two chunks each
    whole, one = steps(((0, past),), ((past, 1),), blocks=20)
    many = Batch(
        tokens=np.repeat(one.tokens, count),
        positions=np.repeat(one.positions, count),
        starts=np.arange(count + 1, dtype=np.int32),
        lengths=np.repeat(one.lengths, count),
        blocks=np.repeat(one.blocks, count, axis=0),
        outputs=np.arange(count, dtype=np.int32),
    )
    heads = Heads(2, 1, 16)
    build, cache = heads.build(), heads.cache(blocks=20)
    alone = run(caching_kernels, build, whole, one, **cache)[-1]
    assert np.array_equal(run(caching_kernels, build, whole, many, **cache)[past:], np.tile(alone, (count, 1)))


def test_a_score_that_dwarfs_all_others(caching_kernels):
    """The softmax must neither overflow nor divide by zero; scores of thousands are off by what their last bit is."""
    heads = Heads(4, 4, 16, scale=64.0)
    assert_attends(caching_kernels, heads, ((0, 100),), ((100, 20),), tolerance=1e-3)


def growing(table, spoilt):
    """`run`'s build: attention whose keys or values are beyond float32 where the table's row is not zero."""
    huge, fine = stored(np.full((32, 32), 5e6, np.float32)), stored(floats(len(table), 32))

    def build(kernels):
        rows, large, small = (kernels.matrix([x]) for x in (stored(table), huge, fine))

        def forward(ops):
            x, q = ops.embed(rows), ops.embed(small)
            for _ in range(5):
                x = ops.linear(x, large)
            x = ops.linear(x, large, add=q)
            k, v = (x, q) if spoilt == "keys" else (q, x)
            return ops.attention(q, k, v, Attention(0, 1, 1, 32, 0.1, None))

        return forward

    return build


@pytest.mark.parametrize("spoilt", ["keys", "values"])
def test_what_is_not_finite_is_not_lost(spoilt, caching_kernels):
    """It ends in the result, where the engine sees it."""
    build = growing(np.full((32, 32), 5e6, np.float32), spoilt)
    assert not np.isfinite(run(caching_kernels, build, batch((0, 20)))).any()


@pytest.mark.parametrize("spoilt", ["keys", "values"])
def test_a_broken_sequence_leaves_nothing_to_the_next(spoilt, caching_kernels):
    """Slots beyond a sequence's end weigh nothing, even where they hold what is not a number."""
    table = np.zeros((40, 32), np.float32)
    table[0] = 5e6
    build = growing(table, spoilt)
    broken, sound = (batch((0, rows), tokens=tokens) for rows, tokens in ((64, [0] * 64), (37, range(1, 38))))
    result = run(caching_kernels, build, broken, sound)
    assert not np.isfinite(result[:64]).any()
    assert np.array_equal(result[64:], run(caching_kernels, build, sound))


def test_what_a_block_held_before_does_not_matter(caching_kernels):
    """Slots beyond a sequence's end hold another one's keys, or anything."""
    build, cache = Heads().build(), Heads().cache(blocks=4)
    before, after = steps(((0, 128),), ((0, 33),), blocks=4)
    assert np.array_equal(
        run(caching_kernels, build, before, after, **cache)[128:], run(caching_kernels, build, after, **cache)
    )
