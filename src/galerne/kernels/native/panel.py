"""A panel: some blocks of 4-bit weights, unpacked to a byte each in private memory, so that many rows use them."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.emitter import BYTES, I32V, I64, VOID, Emitter
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.pairs import COUPLES, QUADS, pair_weights
from galerne.kernels.native.tile import nibbles

PANEL_BLOCKS = 4
"""Blocks of a panel, at most."""


def panel_bytes(groups: int) -> int:
    """Private memory that a panel of `groups` groups takes."""
    return groups * PANEL_BLOCKS * (GROUP * BLOCK_OUT + BLOCK_OUT * 4)


def unpacked(level: Level, form: Form) -> Form:
    """What weights in this form become."""
    return form.unpacked(paired=bool(level.paired))


def write_unpack(module: ir.Module, level: Level, form: Form) -> ir.Function:
    """(weights, to, count of (block, group)s)"""
    name = f"unpack_{form.name}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * 3), name)
    function.linkage = "internal"
    emit = Emitter(function, fused=level.fused)
    weights, target, count = emit.arguments
    panel = unpacked(level, form)
    with emit.loop(0, count) as i:
        start, to = emit.constant(I32V, 0), target + i * panel.group_bytes
        for j in range(QUADS):
            stored = emit.load(BYTES, weights + i * form.group_bytes + 64 * j)
            first, second = (nibbles(stored, half) for half in range(2))
            if panel.paired and j < COUPLES:
                second, start = pair_weights(emit, level, first, second, start)
            emit.store(first, to + 64 * j)
            emit.store(second, to + 64 * (QUADS + j))
        if panel.paired:
            emit.store(start, to + 64 * (2 * QUADS))
    emit.done()
    return emit.function
