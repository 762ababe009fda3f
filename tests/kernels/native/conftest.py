"""Every level of the compiled kernels, each compiled once: as it is where this machine can run it, else emulated."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from tests.kernels.native.emulation import emulated_kernels, kernels_with_few_tiles
from tests.kernels.native.inputs import RANDOM

from galerne.kernels.native import LEVELS, NativeKernels, native_kernels
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.levels import usable_levels

THREADS = 2

DIFFERENT_CACHES = ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx2", "portable")
"""Levels whose code for a cache in 8 bits differs in more than the matrix product."""


@pytest.fixture(scope="session")
def open_level(kernels_folder) -> Callable[[str], NativeKernels]:
    """The kernels of a level; "+int8" after its name: with their cache in 8 bits."""
    usable = {level.name for level in usable_levels(host_features())}

    @functools.cache
    def opened(name: str) -> NativeKernels:
        level, _, cache = name.partition("+")
        if cache:
            return kernels_with_few_tiles(LEVELS[level], cache, THREADS, kernels_folder)
        if level in usable:
            return native_kernels(level, THREADS, kernels_folder)
        return emulated_kernels(LEVELS[level], "float16", THREADS, kernels_folder)

    return opened


@pytest.fixture(scope="session", params=LEVELS)
def kernels(request, open_level) -> NativeKernels:
    return open_level(request.param)


@pytest.fixture(scope="session", params=[*LEVELS, *(f"{level}+int8" for level in DIFFERENT_CACHES)])
def caching_kernels(request, open_level) -> NativeKernels:
    """With their cache in 16 bits, and in 8."""
    return open_level(request.param)


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run() -> None:
    RANDOM.bit_generator.state = np.random.PCG64(3).state
