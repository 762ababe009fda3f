"""The forms that weights take in memory: groups of 32 along the input, sixteen outputs side by side.

A matrix [out, in] is cut into blocks of 16 outputs and groups of 32 inputs. One (block, group) holds, for v in 0..7,
output o in 0..15 and i in 0..3, the weight of output `16 * block + o` and input `32 * group + 4 * v + i`:

    bytes    [block][group][v 8][o 16][i 4]     one byte each, 0..255
    nibbles  [block][group][v 4][o 16][i 4]     low half: v, high half: v + 4
    scales   [block][group][o 16]               float16, or float32 where `wide`
    minima   the same, where the form has them

weight = scale * (stored - offset), or scale * stored + minimum.

Where scales are themselves quantised (`packed`, GGML's K types), eight groups share two float16, and

    scales   [block][group][2][o 16]            bytes: of the scale, of the minimum
    minima   [block][group / 8][2][o 16]        float16: what these are multiplied by (the minimum is subtracted)
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = 32
BLOCK_OUT = 16
SUPER = 8
"""Groups that share the float16 scales of their scales."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way of storing weights, known when the kernels are compiled."""

    name: str
    nibbles: bool  # two weights a byte
    small: bool  # stored values are 0..15
    offset: int  # subtracted from the stored value
    minimum: bool
    wide: bool  # scales and minima are float32, else float16
    packed: bool = False  # scales and minima are bytes, with float16 scales of their own

    @property
    def group_bytes(self) -> int:
        """Bytes of the weights of one (block, group)."""
        return GROUP * BLOCK_OUT // (2 if self.nibbles else 1)

    @property
    def scale_bytes(self) -> int:
        """Bytes of the scales of one (block, group)."""
        return BLOCK_OUT * (4 if self.wide else 2)

    @property
    def minimum_bytes(self) -> int:
        """Bytes of the minima of one (block, group); of `packed` ones an eighth of what eight groups have."""
        return BLOCK_OUT * 4 // SUPER if self.packed else self.scale_bytes

    @property
    def panel(self) -> Form:
        """What the form becomes when a panel of it is unpacked for many rows."""
        return PANEL_MINIMUM if self.minimum else PANEL_OFFSET


Q4_OFFSET = Form("q4_offset", nibbles=True, small=True, offset=8, minimum=False, wide=False)
Q4_MINIMUM = Form("q4_minimum", nibbles=True, small=True, offset=0, minimum=True, wide=False)
Q4_PACKED = Form("q4_packed", nibbles=True, small=True, offset=0, minimum=True, wide=False, packed=True)
Q8_OFFSET = Form("q8_offset", nibbles=False, small=False, offset=128, minimum=False, wide=False)
Q8_MINIMUM = Form("q8_minimum", nibbles=False, small=False, offset=0, minimum=True, wide=True)

STORED = (Q4_OFFSET, Q4_MINIMUM, Q4_PACKED, Q8_OFFSET, Q8_MINIMUM)
"""The forms that a matrix can have; their position is their number in a program."""

PANEL_OFFSET = Form("panel_offset", nibbles=False, small=True, offset=8, minimum=False, wide=True)
PANEL_MINIMUM = Form("panel_minimum", nibbles=False, small=True, offset=0, minimum=True, wide=True)
