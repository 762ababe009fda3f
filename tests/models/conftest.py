"""What the tests of models share: the kernels to try, the tiny models, and how near the logits must be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.models.tiny import CONFIGS, Tiny, random_model

from galerne.kernels import open_kernels
from galerne.kernels.interface import Kernels

TOLERANCE = {"reference": 1e-4}
"""By level of the kernels: how far a logit may be off, relative to the largest one."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tiny]:
    """The tiny model of that name."""
    made: dict[str, Tiny] = {}

    def make(name: str) -> Tiny:
        if name not in made:
            made[name] = Tiny(random_model(CONFIGS[name]()), tmp_path_factory.mktemp(name))
        return made[name]

    return make


@pytest.fixture(scope="session", params=["reference"])
def kernels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    return open_kernels(request.param, threads=2, folder=tmp_path_factory.getbasetemp() / "kernels")


@pytest.fixture
def assert_close(kernels: Kernels) -> Callable[[NDArray[np.float32], NDArray[np.float32]], None]:
    def check(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() <= TOLERANCE[kernels.level] * np.abs(expected).max()

    return check
