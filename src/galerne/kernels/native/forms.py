"""The forms that weights take in memory: groups of 32 along the input, sixteen outputs side by side.

A matrix [out, in] is cut into blocks of 16 outputs and groups of 32 inputs. One (block, group) holds, for v in 0..7,
output o in 0..15 and i in 0..3, the weight of output `16 * block + o` and input `32 * group + 4 * v + i`:

    bytes    [block][group][v 8][o 16][i 4]     one byte each, 0..255
    nibbles  [block][group][v 4][o 16][i 4]     low half: v, high half: v + 4

Scales and minima of bytes are floating-point numbers; weight = scale * (stored - 128), or scale * stored + minimum:

    scales   [block][group][o 16]               float16, or float32 where `wide`
    minima   the same, where the form has them

Those of nibbles are 16-bit integers, multiples of one float32 number for each output, see whole_scales.py;
weight = unit * (scale * (stored - 8) - 8 * minimum):

    scales   [block][group][o 16]               int16, or [block][group][o 16][2] with the minima
    units    [block][o 16]                      float32
"""

from __future__ import annotations

from dataclasses import dataclass, replace

GROUP = 32
BLOCK_OUT = 16

LARGEST_QUANT = 120
"""Of an activation in 8 bits: what is left of a byte holds the weights that are added to it in pairs.py."""

MIDDLE = 8
"""Subtracted from weights of 4 bits, which keeps their dot products within 16 bits."""

UNIT_BYTES = BLOCK_OUT * 4
"""Of the units of a block's outputs."""

QUANTISED = {
    "quants": GROUP,  # int8
    "scales": 4,  # float32
    "sums": 4,  # int32: the count, a group's sum times -MIDDLE, in the lower 16 bits and added to the upper ones
    "scaled_sums": 4,  # float32: scale * sum
}

PAIRED = {"paired_quants": GROUP, "paired_sums": 4}
"""The same as pairs.py wants them, filled in where the level multiplies in pairs and rows are many."""

ACTIVATIONS = QUANTISED | PAIRED
"""What activations in 8 bits are: an array [rows, groups] of each of these, so many bytes a group."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of storing weights, known when the kernels are compiled."""

    name: str
    nibbles: bool  # two weights a byte
    offset: int  # subtracted from the stored value
    minimum: bool
    whole: bool  # scales and minima are integers; what is stored is 0..15
    wide: bool = False  # scales and minima are float32
    panel: bool = False  # unpacked for many rows, so in the cache
    paired: bool = False  # multiplied two at a time, see pairs.py

    @property
    def group_bytes(self) -> int:
        """Bytes of the weights of one (block, group), with what is added to the sums of `paired` ones."""
        return GROUP * BLOCK_OUT // (2 if self.nibbles else 1) + (BLOCK_OUT * 4 if self.paired else 0)

    @property
    def scale_bytes(self) -> int:
        """Bytes of the scales of one (block, group), with the minima of `whole` ones."""
        return BLOCK_OUT * (4 if self.wide or (self.whole and self.minimum) else 2)

    def unpacked(self, *, paired: bool) -> Form:
        """What the form becomes when a panel of it is unpacked for many rows."""
        if not self.nibbles:
            return self
        panel = PANEL_MINIMUM if self.minimum else PANEL_OFFSET
        return replace(panel, name=f"{panel.name}_paired", paired=True) if paired else panel


Q4_OFFSET = Form("q4_offset", nibbles=True, offset=MIDDLE, minimum=False, whole=True)
Q4_MINIMUM = Form("q4_minimum", nibbles=True, offset=MIDDLE, minimum=True, whole=True)
Q8_OFFSET = Form("q8_offset", nibbles=False, offset=128, minimum=False, whole=False)
Q8_MINIMUM = Form("q8_minimum", nibbles=False, offset=0, minimum=True, whole=False, wide=True)

STORED = (Q4_OFFSET, Q4_MINIMUM, Q8_OFFSET, Q8_MINIMUM)
"""The forms that a matrix can have; their position is their number in a program."""

PANEL_OFFSET = Form("panel_offset", nibbles=False, offset=MIDDLE, minimum=False, whole=True, panel=True)
PANEL_MINIMUM = Form("panel_minimum", nibbles=False, offset=MIDDLE, minimum=True, whole=True, panel=True)
