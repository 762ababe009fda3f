"""The compiled kernels that this machine can run, each compiled once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from tests.kernels.native.inputs import RANDOM

from galerne.kernels.native import NativeKernels, native_kernels
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.levels import usable_levels

USABLE = tuple(level.name for level in usable_levels(host_features()))


@pytest.fixture(scope="session")
def open_level(kernels_folder) -> Callable[[str], NativeKernels]:
    """The kernels of a level, on two threads."""
    return cache(lambda name: native_kernels(name, 2, kernels_folder))


@pytest.fixture(scope="session", params=USABLE)
def kernels(request, open_level) -> NativeKernels:
    return open_level(request.param)


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run() -> None:
    RANDOM.bit_generator.state = np.random.PCG64(3).state
