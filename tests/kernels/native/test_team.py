"""The team of threads: of any size, idle without work, and not a byte of a program is touched once it is through."""

from __future__ import annotations

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.kernels.native.attending import Heads
from tests.kernels.native.inputs import batch, floats, weights
from tests.kernels.native.twin import run

from galerne.kernels.interface import Attention, Rope
from galerne.kernels.native import NativeKernels
from galerne.kernels.native.cache import storage_for
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.levels import usable_levels
from galerne.kernels.native.library import Library, load_library
from galerne.kernels.native.team import Team

LEVEL = usable_levels(host_features())[0]
STORAGE = storage_for("float16", LEVEL)


@pytest.fixture(scope="module")
def library(kernels_folder) -> Library:
    return load_library(LEVEL, STORAGE, kernels_folder)


def product():
    """`run`'s build: work for all threads."""
    table = weights(300, 256, "Q4_0")

    def build(kernels):
        packed = kernels.matrix([table])
        return lambda ops: ops.linear(ops.embed(packed), packed)

    return build


def test_more_threads_than_cpus_run_programs_that_come_and_go(library):
    """What lay where a program counted its threads may be anything afterwards: who still looked would wait for ever."""
    kernels, build, step = NativeKernels(LEVEL, STORAGE, library, 6), product(), batch((0, 3))
    expected = run(kernels, build, step)
    for turn in range(300):
        assert np.array_equal(run(kernels, build, step), expected)
        for size in (2, 3):  # of the memory that has just become free
            _reused = [np.full(size, turn % 4, np.int32) for _ in range(8)]


def test_any_number_of_threads_gives_the_same_bits(library):
    build = product()
    for rows in (1, 2, 3, 40):
        results = [
            run(NativeKernels(LEVEL, STORAGE, library, threads), build, batch((0, rows))) for threads in (1, 2, 3, 11)
        ]
        assert all(np.array_equal(result, results[0]) for result in results)


def layer():
    """`run`'s build: everything that rows go through."""
    heads, width = Heads(heads=2, kv_heads=1), 128
    rope = Rope(np.float32(10000) ** -np.linspace(0, 1, 16, endpoint=False, dtype=np.float32), 1.0, interleaved=True)
    table, qkv, output = weights(64, 64, "Q4_1"), weights(width, 64, "Q4_0"), weights(64, 64, "Q8_0")
    up, down, norm = weights(600, 64, "Q4_1"), weights(64, 300, "F16"), floats(64)

    def build(kernels):
        embedding, *matrices = (kernels.matrix([each]) for each in (table, qkv, output, up, down))

        def forward(ops):
            x = ops.embed(embedding)
            q, k, v = ops.split(ops.linear(ops.rms_norm(x, norm, 1e-5), matrices[0]), (64, 32, 32))
            shape = Attention(0, heads.heads, heads.kv_heads, heads.head_dim, heads.scale, None)
            attended = ops.attention(ops.rope(q, 2, rope), ops.rope(k, 1, rope), v, shape)
            x = ops.linear(attended, matrices[1], add=x)
            return ops.linear(ops.swiglu(ops.linear(ops.rms_norm(x, norm, 1e-5), matrices[2])), matrices[3], add=x)

        return forward

    return build


@pytest.mark.parametrize("rows", [1, 8, 64, 127, 128, 205, 400])
def test_whoever_has_a_row_computes_the_same(rows, library):
    """Of many rows each thread has a part, of few a part of the weights."""
    build, step = layer(), batch((0, rows), blocks=13, tokens=[row % 64 for row in range(rows)])
    first, *others = (
        run(NativeKernels(LEVEL, STORAGE, library, threads), build, step, blocks=13) for threads in (1, 2, 3)
    )
    assert np.isfinite(first).all()
    assert all(np.array_equal(first, other) for other in others)


def test_callers_take_turns(library):
    """Two models on one team, each called by several threads."""
    kernels = NativeKernels(LEVEL, STORAGE, library, 2)
    builds, step = [product(), product()], batch((0, 20))
    expected = [run(kernels, build, step) for build in builds]

    def call(number: int) -> bool:
        return np.array_equal(run(kernels, builds[number % 2], step), expected[number % 2])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(40)))


def test_an_idle_team_uses_no_cpu(library):
    _team = Team(library, 4)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.03


def helpers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("kernels-")}


def test_threads_end_with_the_team(library):
    before = helpers()  # some of which may just be ending
    kernels = NativeKernels(LEVEL, STORAGE, library, 3)
    mine = helpers() - before
    assert len(mine) == 2
    del kernels
    gc.collect()
    for thread in mine:
        thread.join(10)
    assert not any(thread.is_alive() for thread in mine)
