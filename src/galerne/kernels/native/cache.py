"""Where keys and values lie: 16 bits each, in blocks of 32 positions, all layers of a block side by side.

    block -> layer -> head -> keys, then values

In float16 (`pairs` False), so that 16 positions, or 16 numbers of a head, load as one vector:

    keys   [head_dim][32 positions]          values [32 positions][width]

In bfloat16 (`pairs` True), as AMX wants its right operands, two of the dimension that is summed over side by side:

    keys   [width / 2][32 positions][2]      values [16 pairs of positions][width][2]

`width` is head_dim, rounded up with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CacheShape


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """Sizes in bytes of a cache of this shape."""

    shape: CacheShape
    pairs: bool

    @property
    def width(self) -> int:
        """Numbers of a head, padding included."""
        step = 32 if self.pairs else 16
        return -(-self.shape.head_dim // step) * step

    @property
    def head(self) -> int:
        return 2 * BLOCK * 2 * self.width

    @property
    def layer(self) -> int:
        return self.head * self.shape.kv_heads

    @property
    def block(self) -> int:
        return self.layer * self.shape.layers

    @property
    def total(self) -> int:
        return self.block * self.shape.blocks
