"""Each operation of the reference against torch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from galerne.errors import BadFile
from galerne.kernels.batch import BLOCK, Batch
from galerne.kernels.interface import Attention, CacheShape, Rope
from galerne.kernels.reference import ReferenceKernels, kept
from galerne.weights.tensor import Tensor

RANDOM = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    RANDOM.bit_generator.state = np.random.PCG64(11).state


def floats(*shape: int) -> NDArray[np.float32]:
    return RANDOM.standard_normal(shape, np.float32)


def stored(values: NDArray[np.float32]) -> Tensor:
    return Tensor("weights", values.shape, "F32", values.reshape(-1).view(np.uint8))


def rows(count: int, *, first: int = 0, outputs: list[int] | None = None) -> Batch:
    """One sequence that goes on with `count` rows, over blocks in the wrong order."""
    return Batch(
        tokens=np.arange(count, dtype=np.int32),
        positions=np.arange(first, first + count, dtype=np.int32),
        starts=np.array([0, count], np.int32),
        lengths=np.array([first + count], np.int32),
        blocks=np.array([[3, 0, 2, 1]], np.int32),
        outputs=np.array(range(count) if outputs is None else outputs, np.int32),
    )


def compute(forward, batch: Batch):
    cache = CacheShape(layers=1, blocks=4, kv_heads=2, head_dim=8)
    return ReferenceKernels().program(forward, cache, max_rows=128)(batch)


def assert_same(actual: NDArray[np.float32], expected: torch.Tensor) -> None:
    np.testing.assert_allclose(actual, expected.numpy(), rtol=1e-5, atol=2e-6 * expected.abs().max().item())


def test_embed_and_outputs_pick_rows():
    table = floats(10, 6)
    batch = rows(8, outputs=[1, 7])
    matrix = ReferenceKernels().matrix([stored(table)])
    np.testing.assert_array_equal(compute(lambda ops: ops.outputs(ops.embed(matrix)), batch), table[[1, 7]])


def test_rms_norm():
    x, weight = floats(5, 24), floats(24)
    expected = functional.rms_norm(torch.tensor(x), (24,), torch.tensor(weight), 1e-3)
    assert_same(compute(lambda ops: ops.rms_norm(x, weight, 1e-3), rows(5)), expected)


def test_linear_adds_bias_and_residual():
    x, parts, bias, residual = floats(5, 24), [floats(7, 24), floats(9, 24)], floats(16), floats(5, 16)
    matrix = ReferenceKernels().matrix([stored(part) for part in parts])
    expected = functional.linear(torch.tensor(x), torch.tensor(np.concatenate(parts)), torch.tensor(bias))
    assert_same(compute(lambda ops: ops.linear(x, matrix), rows(5)), expected - torch.tensor(bias))
    assert_same(
        compute(lambda ops: ops.linear(x, matrix, bias=bias, add=residual), rows(5)), expected + torch.tensor(residual)
    )


def test_linear_leaves_what_it_is_given():
    x, bias, residual = floats(5, 24), floats(16), floats(5, 16)
    before = residual.copy()
    matrix = ReferenceKernels().matrix([stored(floats(16, 24))])
    compute(lambda ops: ops.linear(x, matrix, bias=bias, add=residual), rows(5))
    np.testing.assert_array_equal(residual, before)


def test_split_cuts_columns():
    x = floats(3, 10)
    parts = []
    compute(lambda ops: parts.extend(ops.split(x, (5, 2, 3))), rows(3))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), x)
    assert [part.shape for part in parts] == [(3, 5), (3, 2), (3, 3)]


def test_swiglu_of_any_size_of_number():
    gate_up = np.concatenate([floats(4, 12) * 10.0 ** np.arange(-3, 9), floats(4, 12)], axis=1, dtype=np.float32)
    gate, up = torch.tensor(gate_up).chunk(2, dim=-1)
    expected = (functional.silu(gate) * up).numpy()
    np.testing.assert_allclose(compute(lambda ops: ops.swiglu(gate_up), rows(4)), expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rope_turns_pairs_as_complex_numbers(interleaved):
    heads, rotated = 3, 6  # of 8 numbers in a head
    x = floats(5, heads * 8)
    rope = Rope(floats(rotated // 2), magnitude=1.25, interleaved=interleaved)
    result = compute(lambda ops: ops.rope(x, heads, rope), rows(5, first=40)).reshape(5, heads, 8)
    pairs = torch.tensor(x).reshape(5, heads, 8)[..., :rotated]
    pairs = pairs.unflatten(-1, (-1, 2)) if interleaved else pairs.unflatten(-1, (2, -1)).transpose(-1, -2)
    turn = torch.polar(torch.tensor(1.25), torch.outer(torch.arange(40.0, 45.0), torch.tensor(rope.frequencies)))
    turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn[:, None])
    expected = turned.flatten(-2) if interleaved else turned.transpose(-1, -2).flatten(-2)
    assert_same(result[..., :rotated], expected)
    np.testing.assert_array_equal(result[..., rotated:], x.reshape(5, heads, 8)[..., rotated:])


@pytest.mark.parametrize("window", [None, 1, 7, 33, 500])
@pytest.mark.parametrize("pieces", [[100], [31, 1, 1, 31, 36], [1, 99]])
def test_attention_over_blocks(window, pieces):
    q, k, v = floats(100, 4 * 8), floats(100, 2 * 8), floats(100, 2 * 8)
    shape = Attention(layer=0, heads=4, kv_heads=2, head_dim=8, scale=0.3, window=window)
    program = ReferenceKernels().program(
        lambda ops: ops.attention(q[now], k[now], v[now], shape), CacheShape(1, 4, 2, 8), max_rows=128
    )
    results = []
    for first, count in zip(np.cumsum([0, *pieces]), pieces, strict=False):
        now = slice(first, first + count)
        results.append(program(rows(count, first=first)))
    distance = torch.arange(100)[:, None] - torch.arange(100)[None, :]
    visible = (distance >= 0) & (distance < (window or 1000))
    heads = [torch.tensor(x).reshape(1, 100, -1, 8).transpose(1, 2) for x in (q, k, v)]
    expected = functional.scaled_dot_product_attention(*heads, attn_mask=visible, scale=0.3, enable_gqa=True)
    assert_same(np.concatenate(results), expected[0].transpose(0, 1).reshape(100, 32))


def test_attention_of_huge_scores_stays_finite():
    q, k, v = floats(4, 16) * 1e4, floats(4, 16) * 1e4, floats(4, 16)
    shape = Attention(layer=0, heads=2, kv_heads=2, head_dim=8, scale=1.0, window=None)
    assert np.isfinite(compute(lambda ops: ops.attention(q, k, v, shape), rows(4))).all()


def kept_in_8_bits(v: NDArray[np.float32], head_dim: int) -> NDArray[np.float32]:
    """A query that sees itself alone gets back the values as the cache has them."""
    heads = v.shape[1] // head_dim
    shape = Attention(layer=0, heads=heads, kv_heads=heads, head_dim=head_dim, scale=1.0, window=1)
    cache, nothing = CacheShape(layers=1, blocks=4, kv_heads=heads, head_dim=head_dim), np.zeros_like(v)
    program = ReferenceKernels("int8").program(
        lambda ops: ops.attention(nothing, nothing, v, shape), cache, max_rows=128
    )
    return program(rows(len(v)))


@pytest.mark.parametrize("head_dim", [32, 64, 48, 20])
def test_a_cache_in_8_bits_is_off_by_half_a_step(head_dim):
    """A step is a 127th of the largest of 32 neighbours in a key's head, or of a value's head; rounded to float16, by
    another 2^-11 of it."""
    x = floats(40, 2 * head_dim) * np.float32(10) ** RANDOM.integers(-2, 3, (40, 2 * head_dim)).astype(np.float32)
    heads = x.reshape(40, 2, head_dim)
    values = kept_in_8_bits(x, head_dim).reshape(heads.shape)
    for kept_heads, together in ((kept("int8")[0](heads), 32), (values, head_dim)):
        for first in range(0, head_dim, together):
            group = heads[..., first : first + together]
            off = np.abs(kept_heads[..., first : first + together] - group).max(axis=-1)
            assert (off <= (0.5 / 127 + 2**-11) * np.abs(group).max(axis=-1)).all()
            assert (off > 0).any()


def test_a_cache_in_8_bits_keeps_zeros_and_what_is_not_finite():
    assert not kept_in_8_bits(np.zeros((1, 64), np.float32), 64).any()
    for value in (np.nan, np.inf, -np.inf):
        v = floats(1, 64)
        v[0, 40] = value
        assert not np.isfinite(kept_in_8_bits(v, 64)).any()
        with np.errstate(invalid="ignore"):
            keys = kept("int8")[0](v[:, None])[0, 0]
        assert (np.isfinite(keys) == (np.arange(64) < 32)).all()


def test_kernels_say_how_they_keep_the_cache():
    assert [ReferenceKernels(cache).level for cache in ("float16", "int8")] == ["reference", "reference+int8"]


def test_mixture_weighs_the_experts_that_each_row_chose():
    x, router, residual = floats(9, 16), floats(5, 16), floats(9, 16)
    gate_up, down = [floats(2 * 12, 16) for _ in range(5)], [floats(16, 12) for _ in range(5)]
    expected = torch.tensor(residual)
    for row, values in enumerate(torch.tensor(x)):
        best = torch.topk(torch.softmax(torch.tensor(router) @ values, -1), 2)
        for share, expert in zip(best.values / best.values.sum(), best.indices, strict=True):
            gate, up = (torch.tensor(gate_up[expert]) @ values).chunk(2)
            expected[row] += share * (torch.tensor(down[expert]) @ (functional.silu(gate) * up))
    kernels = ReferenceKernels()
    matrices = [[kernels.matrix([stored(weights)]) for weights in stack] for stack in (gate_up, down)]
    before = residual.copy()
    result = compute(lambda ops: ops.mixture(x, router, *matrices, used=2, add=residual), rows(9))
    assert_same(result, expected)
    np.testing.assert_array_equal(residual, before)


def test_a_copied_block_holds_the_same_past():
    q, k, v = floats(33, 16), floats(33, 16), floats(33, 16)
    shape = Attention(layer=0, heads=2, kv_heads=2, head_dim=8, scale=0.5, window=None)
    program = ReferenceKernels().program(
        lambda ops: ops.attention(q[now], k[now], v[now], shape), CacheShape(1, 6, 2, 8), max_rows=64
    )
    now = slice(0, 32)
    program(rows(32))
    program.copy_block(3, 5)
    now = slice(32, 33)
    batch = rows(1, first=32)
    original = program(batch)
    table = np.array([[5, 4, 2, 1]], np.int32)
    copied = program(Batch(batch.tokens, batch.positions, batch.starts, batch.lengths, table, batch.outputs))
    np.testing.assert_array_equal(original, copied)


def test_weights_that_are_not_finite_are_refused_by_name():
    with pytest.raises(BadFile, match="weights: holds numbers that are not finite"):
        ReferenceKernels().matrix([stored(floats(2, 4)), stored(np.array([[1, np.nan, 2, 3]], np.float32))])


def test_the_cache_takes_what_it_says():
    shape = CacheShape(layers=3, blocks=5, kv_heads=2, head_dim=8)
    assert ReferenceKernels().cache_bytes(shape) == 2 * 3 * 5 * BLOCK * 2 * 8 * 4
