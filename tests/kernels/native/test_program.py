"""What a program does besides its operations: it copies blocks, and refuses what compiled code would not survive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.kernels.native.attending import Heads, steps
from tests.kernels.native.inputs import batch, floats, weights
from tests.kernels.native.twin import run

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import Attention, CacheShape, Rope


def test_a_copied_block_holds_the_same_past(caching_kernels):
    """In every layer, and nothing else changes."""
    table = weights(40, 3 * 64)
    shapes = [Attention(layer, 2, 2, 32, 0.2, None) for layer in range(3)]

    def forward(ops, packed=caching_kernels.matrix([table])):
        q, k, v = ops.split(ops.embed(packed), [64, 64, 64])
        for shape in shapes:
            q = ops.attention(q, k, v, shape)
        return q

    program = caching_kernels.program(forward, CacheShape(layers=3, blocks=4, kv_heads=2, head_dim=32), max_rows=40)
    program(replace(batch((0, 40)), blocks=np.array([[2, 0]], np.int32)))
    program.copy_block(2, 3)
    step = batch((40, 1), tokens=[5])
    original, copied, other = (
        program(replace(step, blocks=np.array([table], np.int32))).copy() for table in ([2, 0], [3, 0], [1, 0])
    )
    assert np.array_equal(original, copied)
    assert not np.array_equal(original, other)


def test_the_cache_takes_what_it_says(caching_kernels):
    """In proportion to its blocks, and what its numbers need: 16 bits, or 8 and scales (of 32 numbers, of 64)."""
    shape = CacheShape(layers=2, blocks=3, kv_heads=2, head_dim=64)
    numbers = 2 * shape.layers * shape.blocks * BLOCK * shape.kv_heads * shape.head_dim
    bits = 8 + (16 / 32 + 16 / 64) / 2 if caching_kernels.level.endswith("+int8") else 16
    assert caching_kernels.cache_bytes(shape) == numbers * bits / 8
    assert caching_kernels.cache_bytes(replace(shape, blocks=6)) == 2 * caching_kernels.cache_bytes(shape)


def small(kernels):
    packed = kernels.matrix([weights(10, 32)])
    return kernels.program(lambda ops: ops.embed(packed), CacheShape(1, 1, 1, 32), max_rows=4)


@pytest.mark.parametrize("rows", [0, 5])
def test_a_batch_of_too_few_or_too_many_rows_is_refused(rows, kernels):
    with pytest.raises(ValueError, match="from 1 to 4 rows"):
        small(kernels)(batch((0, rows), tokens=[0] * rows))


@pytest.mark.parametrize("token", [-1, 10, 2**31 - 1])
def test_a_token_that_the_model_does_not_have_is_refused(token, kernels):
    with pytest.raises(ValueError, match="has 10 tokens"):
        small(kernels)(batch((0, 2), tokens=[3, token]))


def test_what_a_step_has_once_must_be_the_same_in_every_layer(kernels):
    """One table of angles, one work list of attention."""
    ropes = [Rope(floats(16), 1.0, interleaved=False) for _ in range(2)]
    for heads, turns, message in (((4, 4), ropes, "same Rope"), ((4, 2), ropes[:1] * 2, "heads to a key/value head")):

        def build(kernels, heads=heads, turns=turns):
            packed = kernels.matrix([weights(4, 64 * 3)])

            def forward(ops):
                q, k, v = ops.split(ops.embed(packed), [64, 64, 64])
                for layer, (count, rope) in enumerate(zip(heads, turns, strict=True)):
                    shape = Attention(layer, count, 2, 32, 0.1, None)
                    q = ops.attention(ops.rope(q, count, rope), ops.rope(k, 2, rope), v, shape)
                return q

            return forward

        with pytest.raises(ValueError, match=message):
            run(kernels, build, batch((0, 2)), layers=2, kv_heads=2)


def test_a_larger_batch_may_follow_a_smaller_one(kernels):
    """Buffers for the logits grow, and what was computed before stays in the cache."""
    heads = Heads()
    spans = (((0, 5),), ((5, 1),), ((6, 60),))
    whole = run(kernels, heads.build(), *steps(*spans, blocks=4), **heads.cache(4))
    assert whole.shape == (66, 128)
    assert np.isfinite(whole).all()
