"""Intel's tile registers (AMX): eight of 16 rows x 64 bytes, and products of two of them.

A tile's number is part of the instruction, so each use names its registers. Their shapes are set per thread by
`configure`; `release` gives them back, or the system would save 8 kB at every change of threads.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Sequence

from llvmlite import ir

from galerne.kernels.native.emitter import I8, I64, VOID, Emitter, Value

ROWS = 16

_SYS_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_XFEATURE_XTILEDATA = 18


@functools.cache
def permitted() -> bool:
    """Ask Linux to let this process use the tiles' data, as it must be asked once."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    return bool(ctypes.CDLL(None).syscall(_SYS_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _XFEATURE_XTILEDATA) == 0)


def shape_table(module: ir.Module, name: str, heights: Sequence[Sequence[int]]) -> ir.GlobalVariable:
    """What `configure` reads: for 1, 2, ... rows the heights of all tiles. Every row has 64 bytes."""
    if name in module.globals:
        return module.globals[name]
    content = bytearray()
    for tiles in heights:
        shape = bytearray(64)
        shape[0] = 1  # the palette
        for tile, height in enumerate(tiles):
            shape[16 + 2 * tile] = 64
            shape[48 + tile] = height
        content += shape
    constant = ir.Constant(ir.ArrayType(I8, len(content)), content)
    variable = ir.GlobalVariable(module, constant.type, name)
    variable.linkage, variable.global_constant, variable.initializer, variable.align = "internal", True, constant, 64
    return variable


class Tiles:
    """The instructions, written into a function."""

    def __init__(self, emit: Emitter) -> None:
        self._emit = emit

    def configure(self, table: ir.GlobalVariable, rows: Value) -> None:
        """Set the shapes that a `shape_table` has for so many rows."""
        start = Value(self._emit, self._emit.builder.ptrtoint(table, I64))
        self._call("llvm.x86.ldtilecfg", self._pointer(start + (rows - 1) * 64))

    def release(self) -> None:
        self._call("llvm.x86.tilerelease")

    def zero(self, tile: int) -> None:
        self._call("llvm.x86.tilezero", _number(tile))

    def load(self, tile: int, address: Value, stride: Value | int) -> None:
        self._call("llvm.x86.tileloadd64", _number(tile), self._pointer(address), self._stride(stride))

    def store(self, tile: int, address: Value, stride: Value | int) -> None:
        self._call("llvm.x86.tilestored64", _number(tile), self._pointer(address), self._stride(stride))

    def dot_bfloats(self, total: int, left: int, right: int) -> None:
        """total float32 += bfloat16 [rows, k] @ bfloat16 [k / 2, columns, 2]."""
        self._call("llvm.x86.tdpbf16ps", _number(total), _number(left), _number(right))

    def _pointer(self, address: Value) -> ir.Value:
        return self._emit.builder.inttoptr(address.ir, ir.PointerType())

    def _stride(self, stride: Value | int) -> ir.Value:
        return stride.ir if isinstance(stride, Value) else ir.Constant(I64, stride)

    def _call(self, name: str, *arguments: ir.Value) -> None:
        module = self._emit.module
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(VOID, [argument.type for argument in arguments]), name)
        self._emit.builder.call(function, arguments)


def _number(tile: int) -> ir.Constant:
    return ir.Constant(I8, tile)
