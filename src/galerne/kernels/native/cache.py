"""Where keys and values lie: float16, in blocks of 32 positions, all layers of a block side by side.

block -> layer -> head -> keys   [head_dim][32 positions]       so that 16 positions load as one vector
                          values [32 positions][head_dim up to 16]
"""

from __future__ import annotations

from dataclasses import dataclass

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CacheShape
from galerne.kernels.native.emitter import LANES


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """Sizes in bytes of a cache of this shape."""

    shape: CacheShape

    @property
    def value_width(self) -> int:
        return -(-self.shape.head_dim // LANES) * LANES

    @property
    def head(self) -> int:
        return 2 * BLOCK * (self.shape.head_dim + self.value_width)

    @property
    def layer(self) -> int:
        return self.head * self.shape.kv_heads

    @property
    def block(self) -> int:
        return self.layer * self.shape.layers

    @property
    def total(self) -> int:
        return self.block * self.shape.blocks
