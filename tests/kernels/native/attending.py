"""A forward pass that is attention alone: queries, keys and values are a table's rows, so that nothing else rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.kernels.native.comparison import assert_near
from tests.kernels.native.inputs import batch, floats, stored
from tests.kernels.native.twin import Twin, rounding, run

from galerne.kernels.batch import Batch
from galerne.kernels.interface import Attention, Kernels, Operations, Rope, Value
from galerne.kernels.native import LEVELS

TOKENS = 64

BFLOAT_TOLERANCE = 1e-2
"""Of a softmax that is rounded to bfloat16, which the twin does not do."""

BYTE_TOLERANCE = 4e-3
"""Of one in 8 bits: what lies between two steps may be rounded the other way."""


@dataclass(frozen=True)
class Heads:
    """The shape, and what comes before it."""

    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 32
    window: int | None = None
    rope: Rope | None = None
    scale: float = 0.125

    def build(self) -> Callable[[Kernels], Callable[[Operations], Value]]:
        widths = [count * self.head_dim for count in (self.heads, self.kv_heads, self.kv_heads)]
        table = stored(floats(TOKENS, sum(widths)), "F16")
        shape = Attention(0, self.heads, self.kv_heads, self.head_dim, self.scale, self.window)

        def build(kernels: Kernels) -> Callable[[Operations], Value]:
            packed = kernels.matrix([table])

            def forward(ops: Operations) -> Value:
                q, k, v = ops.split(ops.embed(packed), widths)
                if self.rope is not None:
                    q, k = ops.rope(q, self.heads, self.rope), ops.rope(k, self.kv_heads, self.rope)
                return ops.attention(q, k, v, shape)

            return forward

        return build

    def cache(self, blocks: int) -> dict[str, int]:
        """Its shape, as `run` takes it."""
        return {"blocks": blocks, "kv_heads": self.kv_heads, "head_dim": self.head_dim}


def steps(*spans: Sequence[tuple[int, int]], blocks: int) -> list[Batch]:
    """Batches one after the other, each of the same sequences, their tokens at random."""
    return [
        batch(*some, blocks=blocks, tokens=[(7 * row + step) % TOKENS for row in range(sum(n for _, n in some))])
        for step, some in enumerate(spans)
    ]


def assert_attends(
    kernels: Kernels, heads: Heads, *spans: Sequence[tuple[int, int]], blocks: int = 8, tolerance: float = 1e-5
) -> None:
    """The kernels give what their twin gives, in every one of some steps."""
    build, batches = heads.build(), steps(*spans, blocks=blocks)
    actual, expected = (
        run(each, build, *batches, **heads.cache(blocks)) for each in (kernels, Twin(rounding(kernels.level)))
    )
    name, _, cache = kernels.level.partition("+")
    level = LEVELS[name]
    if cache and level.quads:
        tolerance = max(tolerance, BYTE_TOLERANCE)
    elif level.bfloats and not cache:
        tolerance = BFLOAT_TOLERANCE
    assert_near(actual, expected, tolerance)
