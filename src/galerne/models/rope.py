"""The angles of rotary position embedding, and the scalings that stretch them over longer texts.

Every function gives radians per position, float64 [rotated / 2], highest frequency first.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log, pi

import numpy as np
from numpy.typing import NDArray

Frequencies = NDArray[np.float64]


def base_frequencies(rotated: int, theta: float) -> Frequencies:
    """theta^(-2i / rotated), as in Su et al., arXiv:2104.09864."""
    return np.power(theta, -np.arange(0, rotated, 2, dtype=np.float64) / rotated)


@dataclass(frozen=True, slots=True)
class Llama3:
    """Llama 3.1's scaling: long waves are stretched, short ones kept, those between are blended."""

    factor: float
    low: float  # waves longer than original / low are stretched
    high: float  # waves shorter than original / high are kept; more than `low`
    original: int  # the context that the model was first trained on

    def frequencies(self, base: Frequencies) -> Frequencies:
        turns = self.original * base / (2 * pi)  # of each frequency over the original context
        kept = np.clip((turns - self.low) / (self.high - self.low), 0, 1)
        return base / self.factor * (1 - kept) + base * kept


@dataclass(frozen=True, slots=True)
class Yarn:
    """YaRN (Peng et al., arXiv:2309.00071): the same idea as a ramp over the dimensions, and sharper attention."""

    factor: float
    original: int  # the context that the model was first trained on
    beta_fast: float = 32.0  # dimensions that turn more often than this over it are kept
    beta_slow: float = 1.0  # those that turn less often are stretched
    truncate: bool = True  # the ramp's ends are rounded to whole dimensions

    def frequencies(self, base: Frequencies, theta: float) -> Frequencies:
        rotated = 2 * len(base)
        low, high = (
            rotated * log(self.original / (turns * 2 * pi)) / (2 * log(theta))
            for turns in (self.beta_fast, self.beta_slow)
        )
        if self.truncate:
            low, high = floor(low), ceil(high)
        low, high = max(low, 0), min(high, rotated - 1)
        if low == high:
            high += 0.001
        stretched: Frequencies = np.clip((np.arange(len(base)) - low) / (high - low), 0, 1)
        return base / self.factor * stretched + base * (1 - stretched)


def yarn_magnitude(factor: float, weight: float = 1.0) -> float:
    """What YaRN multiplies cos and sin by, so that attention over a longer text stays as sharp."""
    return 0.1 * weight * log(factor) + 1 if factor > 1 else 1.0
