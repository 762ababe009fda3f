"""Every level of the compiled kernels, each compiled once: as it is where this machine can run it, else emulated."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from tests.kernels.native.emulation import emulated_kernels
from tests.kernels.native.inputs import RANDOM

from galerne.kernels.native import LEVELS, NativeKernels, native_kernels
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.levels import usable_levels

THREADS = 2


@pytest.fixture(scope="session")
def open_level(kernels_folder) -> Callable[[str], NativeKernels]:
    """The kernels of a level."""
    usable = {level.name for level in usable_levels(host_features())}

    @cache
    def opened(name: str) -> NativeKernels:
        if name in usable:
            return native_kernels(name, THREADS, kernels_folder)
        return emulated_kernels(LEVELS[name], THREADS, kernels_folder)

    return opened


@pytest.fixture(scope="session", params=LEVELS)
def kernels(request, open_level) -> NativeKernels:
    return open_level(request.param)


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run() -> None:
    RANDOM.bit_generator.state = np.random.PCG64(3).state
