"""The types that a tensor's numbers can be stored in, as GGML names and numbers them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: `elements` neighbours along the last axis share one block of `size` bytes."""

    name: str
    number: int  # in a GGUF file
    elements: int
    size: int

    def nbytes(self, elements: int) -> int:
        """Bytes of so many elements; they must fill whole blocks."""
        return elements // self.elements * self.size


KINDS = (
    Kind("F32", 0, 1, 4),
    Kind("F16", 1, 1, 2),
    Kind("BF16", 30, 1, 2),
    Kind("Q4_0", 2, 32, 18),
    Kind("Q4_1", 3, 32, 20),
    Kind("Q5_0", 6, 32, 22),
    Kind("Q5_1", 7, 32, 24),
    Kind("Q8_0", 8, 32, 34),
    Kind("Q2_K", 10, 256, 84),
    Kind("Q3_K", 11, 256, 110),
    Kind("Q4_K", 12, 256, 144),
    Kind("Q5_K", 13, 256, 176),
    Kind("Q6_K", 14, 256, 210),
    Kind("IQ2_XXS", 16, 256, 66),
    Kind("IQ2_XS", 17, 256, 74),
    Kind("IQ2_S", 22, 256, 82),
    Kind("IQ3_XXS", 18, 256, 98),
    Kind("IQ3_S", 21, 256, 110),
    Kind("IQ1_S", 19, 256, 50),
    Kind("IQ1_M", 29, 256, 56),
    Kind("IQ4_NL", 20, 32, 18),
    Kind("IQ4_XS", 23, 256, 136),
    Kind("TQ1_0", 34, 256, 54),
    Kind("TQ2_0", 35, 256, 66),
    Kind("MXFP4", 39, 32, 17),
    Kind("NVFP4", 40, 64, 36),
)

BY_NAME = {kind.name: kind for kind in KINDS}
BY_NUMBER = {kind.number: kind for kind in KINDS}

UNREADABLE = {9: "Q8_1", 15: "Q8_K", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 41: "Q1_0"}
"""Types that GGML has and nobody stores weights in, or that have no published way back to float32: number -> name."""
