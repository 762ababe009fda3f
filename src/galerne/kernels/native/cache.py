"""Where keys and values lie: in blocks of 32 positions, all layers of a block side by side.

    block -> layer -> head -> keys, their scales, values, their scales

There are four ways of storing them. HALVES, float16 without scales, so that sixteen positions, or sixteen numbers of a
head, load as one vector:

    keys   [head_dim][32 positions]          values [32 positions][width]

PAIRS, bfloat16 without scales, as dot products of pairs want them, two of the summed dimension side by side:

    keys   [width / 2][32 positions][2]      values [16 pairs of positions][width][2]

BYTES, int8 as in HALVES, and float16 scales: of a key's groups of 32 numbers, [width / 32][32 positions], and of a
value, [32 positions]. A vector of them belongs to a vector of scores, or of what scores became, so that no number is
scaled on its own.

QUADS, the same numbers and scales, as dot products of fours want them, keys with 128 added:

    keys   [width / 4][32 positions][4]      values [8 quads of positions][width][4]

`width` is head_dim, rounded up with zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CACHE_GROUP, CacheShape, CacheType
from galerne.kernels.native.levels import Level


@dataclass(frozen=True, slots=True)
class Storage:
    """One way of storing a head in a block. Offsets are in bytes for each number of its width; keys are at 0."""

    name: str
    step: int  # what widths are multiples of
    values: int
    head: int  # all of it but the values' scales
    key_scales: int = 0
    value_scales: int = 0  # bytes of these, whatever the width: they are the last
    quads: bool = False


_FLOATS, _BYTES, _SCALES = 2 * BLOCK, BLOCK, 2 * BLOCK // CACHE_GROUP

HALVES = Storage("float16", step=16, values=_FLOATS, head=2 * _FLOATS)
PAIRS = Storage("bfloat16", step=32, values=_FLOATS, head=2 * _FLOATS)
BYTES = Storage(
    "int8",
    step=CACHE_GROUP,
    key_scales=_BYTES,
    values=_BYTES + _SCALES,
    head=2 * _BYTES + _SCALES,
    value_scales=2 * BLOCK,
)
QUADS = replace(BYTES, quads=True)


def storage_for(cache: CacheType, level: Level) -> Storage:
    if cache == "int8":
        return QUADS if level.quads else BYTES
    return PAIRS if level.bfloats else HALVES


@dataclass(frozen=True, slots=True)
class CacheLayout:
    """Sizes in bytes of a cache of this shape."""

    shape: CacheShape
    storage: Storage

    @property
    def width(self) -> int:
        """Numbers of a head, padding included."""
        return -(-self.shape.head_dim // self.storage.step) * self.storage.step

    @property
    def head(self) -> int:
        return self.width * self.storage.head + self.storage.value_scales

    @property
    def layer(self) -> int:
        return self.head * self.shape.kv_heads

    @property
    def block(self) -> int:
        return self.layer * self.shape.layers

    @property
    def total(self) -> int:
        return self.block * self.shape.blocks
