"""Products in pairs: the same bits as all others, for fewer multiplications."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from llvmlite import ir
from tests.kernels.native.emulation import kernels_with_few_tiles
from tests.kernels.native.inputs import batch, floats, stored, weights
from tests.kernels.native.test_mixture import mixture
from tests.kernels.native.twin import run

from galerne.kernels.native.forms import STORED
from galerne.kernels.native.levels import LEVELS, tuned
from galerne.kernels.native.library import assembly
from galerne.kernels.native.pairs import COUPLES
from galerne.kernels.native.product import Products

PLAIN = LEVELS["avx512_vnni"]
PAIRED = tuned(PLAIN, "znver4")
ROWS = (15, 16, 17, 22, 40, 128)
"""Fewer than are multiplied in pairs; as many as fill tiles, and not; so many that each thread has its own."""


@pytest.fixture(scope="module")
def both(kernels_folder):
    return [kernels_with_few_tiles(level, "float16", 2, kernels_folder) for level in (PLAIN, PAIRED)]


def assert_same_bits(both, build):
    for rows in ROWS:
        plain, paired = (run(kernels, build, batch((0, rows))) for kernels in both)
        assert np.isfinite(plain).all()
        assert np.array_equal(plain, paired)


def product(table, *matrices):
    def build(kernels):
        embedded, stack = kernels.matrix([table]), kernels.matrix(matrices)
        return lambda ops: ops.linear(ops.embed(embedded), stack)

    return build


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q4_K"])
@pytest.mark.parametrize(("outputs", "inputs"), [(16, 256), (72, 512), (200, 1536)])
def test_the_same_bits(kind, outputs, inputs, both):
    assert_same_bits(both, product(weights(max(ROWS), inputs), weights(outputs, inputs, kind)))


def test_beside_weights_that_are_multiplied_as_ever(both):
    matrices = (weights(32, 256, kind) for kind in ("Q4_K", "Q6_K", "Q5_0"))
    assert_same_bits(both, product(weights(max(ROWS), 256), *matrices))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_activations_and_weights(sign, both):
    """Every byte at its end: neither factor may leave its eight bits."""
    table = stored(np.where(floats(max(ROWS), 256) > 0, 3, -3).astype(np.float32))
    matrix = weights(48, 256, "Q4_1")
    matrix.data.reshape(-1, 20)[:, 4:] = 0xFF if sign > 0 else 0
    assert_same_bits(both, product(table, matrix))


def test_of_swiglu(both):
    table, gate_up, down = weights(max(ROWS), 64), weights(2 * 96, 64, "Q4_0"), weights(40, 96, "Q4_1")

    def build(kernels):
        embedded, first, second = (kernels.matrix([matrix]) for matrix in (table, gate_up, down))
        return lambda ops: ops.linear(ops.swiglu(ops.linear(ops.embed(embedded), first)), second)

    assert_same_bits(both, build)


def test_of_experts(both):
    assert_same_bits(both, mixture(4, 2, kinds=("Q4_0", "Q4_1", "Q4_0"), table=floats(max(ROWS), 64)))


def test_a_tile_has_fewer_products():
    """Three of four couples of products are one, for two additions of bytes."""
    module = ir.Module(name="part")
    module.triple = PAIRED.triple
    form = STORED[0].unpacked(paired=True)
    function = Products(module, PAIRED).tile(form, 6, 2)
    function.linkage = ""
    text = assembly(str(module), PAIRED)
    assert len(re.findall(r"\tvpdpbusd\t.*%zmm", text)) == 12 * (8 - COUPLES)
    assert len(re.findall(r"\tvpaddb\t.*%zmm", text)) == 12 * 2 * COUPLES


@pytest.mark.parametrize(
    ("name", "cpu", "paired"),
    [
        ("avx512_bf16", "znver4", True),
        ("avx512_vnni", "znver5", True),
        ("avx512_bf16", "sapphirerapids", False),
        ("avx_vnni", "znver4", False),
        ("amx_bf16", "znver5", False),
    ],
)
def test_which_cpus_multiply_in_pairs(name, cpu, paired):
    level = tuned(LEVELS[name], cpu)
    assert bool(level.paired) is paired
    assert replace(level, paired={}) == LEVELS[name]
