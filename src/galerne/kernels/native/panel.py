"""A panel: some blocks of 4-bit weights, unpacked to a byte each in private memory, so that many rows use them."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.native.emitter import BYTES, I64, VOID, Emitter
from galerne.kernels.native.forms import BLOCK_OUT, GROUP, Form
from galerne.kernels.native.levels import Level
from galerne.kernels.native.tile import nibbles

PANEL_BLOCKS = 4
"""Blocks of a panel, at most."""


def panel_bytes(groups: int) -> int:
    """Private memory that a panel of `groups` groups takes."""
    return groups * PANEL_BLOCKS * GROUP * BLOCK_OUT


def write_unpack(module: ir.Module, level: Level, form: Form) -> ir.Function:
    """(weights, to, count of (block, group)s)"""
    name = f"unpack_{form.name}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(VOID, [I64] * 3), name)
    function.linkage = "internal"
    emit = Emitter(function, fused=level.fused)
    weights, target, count = emit.arguments
    with emit.loop(0, count) as i:
        for j in range(4):
            stored = emit.load(BYTES, weights + i * form.group_bytes + 64 * j)
            for half in range(2):
                emit.store(nibbles(stored, half), target + i * form.unpacked.group_bytes + (64 * j + 256 * half))
    emit.done()
    return emit.function
