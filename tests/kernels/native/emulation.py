"""Runs a level whose instructions this CPU lacks: its own code, with those instructions replaced by what they do.

What is compiled is the level's own definition (its tiles, forms and order of sums), for the best CPU that this machine
is. Dot products become plain LLVM code; AMX's tiles become calls into numpy.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galerne.kernels.interface import CacheType
from galerne.kernels.native import NativeKernels
from galerne.kernels.native.cache import storage_for
from galerne.kernels.native.cpu import host_features
from galerne.kernels.native.levels import Level, usable_levels
from galerne.kernels.native.library import Library, compile_object, generate
from galerne.kernels.native.object_cache import cached_object


def emulated_kernels(level: Level, cache: CacheType, threads: int, folder: Path) -> NativeKernels:
    """Compiled code is kept in `folder` for the processes that run tests side by side."""
    host = next(each for each in usable_levels(host_features()) if not each.tiles)
    level = replace(level, triple=host.triple, cpu=host.cpu, features=host.features)
    return _compiled(with_few_tiles(level) if level.tiles else level, cache, threads, folder)


def kernels_with_few_tiles(level: Level, cache: CacheType, threads: int, folder: Path) -> NativeKernels:
    """For what has nothing to do with the matrix product."""
    if level in usable_levels(host_features()):
        return _compiled(with_few_tiles(level), cache, threads, folder)
    return emulated_kernels(with_few_tiles(level), cache, threads, folder)


def with_few_tiles(level: Level) -> Level:
    """Without most of the matrix product's register tiles: they take the most time to compile."""
    few, many = (tuple(sorted({tallest, 1}, reverse=True)) for tallest in (level.few[0], max(level.many)))
    return replace(level, few=few, many=dict.fromkeys(many, (1,)))


def _compiled(level: Level, cache: CacheType, threads: int, folder: Path) -> NativeKernels:
    storage = storage_for(cache, level)
    source = generate(level, storage)
    for name, definition in (_vector_instructions() | _tile_instructions()).items():
        if name in source:
            declaration = next(line for line in source.splitlines() if line.startswith("declare") and name in line)
            source = source.replace(declaration, definition).replace(name, name.replace("llvm", "emulated", 1))
    path = folder / f"{level.name}-{hashlib.sha256(source.encode()).hexdigest()}.o"  # may hold addresses
    library = Library(cached_object(path, lambda: compile_object(source, level)))
    return NativeKernels(level, storage, library, threads)


# Vectors


def _vector_instructions() -> dict[str, str]:
    """Full names of the instructions that the host lacks -> their definitions in LLVM's language."""
    dots = {"llvm.aarch64.neon.sdot.v4i32.v16i8": (4, "ashr")}
    if "avx512vnni" not in host_features():  # else the host has it, though in another encoding than AVX-VNNI's
        dots |= {f"llvm.x86.avx512.vpdpbusd.{32 * lanes}": (lanes, "lshr") for lanes in (8, 16)}
    definitions = {name: _dot_product(name, lanes, shift) for name, (lanes, shift) in dots.items()}
    if "avx512bf16" not in host_features():
        definitions[BFLOAT_DOT] = _bfloat_dot_product()
    if "avx512f" not in host_features():
        definitions[SCALING] = _scaling()
    return definitions


SCALING = "llvm.x86.avx512.mask.scalef.ps.512"


def _scaling() -> str:
    """x * 2^n, n whole and not above 0; 0 where that is below float32's normal numbers. The mask is not looked at."""
    words, floats = "<16 x i32>", "<16 x float>"
    bias, places, least = (", ".join([f"i32 {number}"] * 16) for number in (127, 23, -127))
    bottom = ", ".join(["float -127.0"] * 16)
    lines = [
        f'define internal {floats} @"{SCALING}"({floats} %x, {floats} %n, {floats}, i16, i32) noinline {{',
        f"%low = fcmp olt {floats} %n, <{bottom}>",
        f"%bounded = select <16 x i1> %low, {floats} <{bottom}>, {floats} %n",
        f"%none = fcmp uno {floats} %bounded, %bounded",
        f"%whole = fptosi {floats} %bounded to {words}",
        f"%power = select <16 x i1> %none, {words} <{least}>, {words} %whole",
        f"%exponent = add {words} %power, <{bias}>",
        f"%bits = shl {words} %exponent, <{places}>",
        f"%scale = bitcast {words} %bits to {floats}",
        f"%result = fmul {floats} %x, %scale",
    ]
    return "\n".join([*lines, f"ret {floats} %result", "}"])


BFLOAT_DOT = "llvm.x86.avx512bf16.dpbf16ps.512"


def _bfloat_dot_product() -> str:
    """sums + two products of bfloat16 in each lane, the upper one first, each addition rounded once."""
    words, pairs, floats = "<16 x i32>", "<32 x bfloat>", "<16 x float>"
    sixteens, upper = (", ".join([f"i32 {number}"] * 16) for number in (16, -65536))
    lines = [f'define internal {floats} @"{BFLOAT_DOT}"({floats} %sums, {pairs} %left, {pairs} %right) noinline {{']
    for x in ("left", "right"):
        lines += [
            f"%{x}.words = bitcast {pairs} %{x} to {words}",
            f"%{x}.1 = and {words} %{x}.words, <{upper}>",
            f"%{x}.0 = shl {words} %{x}.words, <{sixteens}>",
            *(f"%{x}.float.{k} = bitcast {words} %{x}.{k} to {floats}" for k in range(2)),
        ]
    fma = f'call {floats} @"llvm.fma.v16f32"'
    lines += [
        f"%one = {fma}({floats} %left.float.1, {floats} %right.float.1, {floats} %sums)",
        f"%both = {fma}({floats} %left.float.0, {floats} %right.float.0, {floats} %one)",
    ]
    return "\n".join([*lines, f"ret {floats} %both", "}"])


def _dot_product(name: str, lanes: int, shift: str) -> str:
    """sums + four products of bytes in each lane; `shift` makes the weights wide, activations have signs."""
    words, bytes_ = f"<{lanes} x i32>", f"<{4 * lanes} x i8>"
    lines = [
        f'define internal {words} @"{name}"({words} %sum.0, {bytes_} %weights, {bytes_} %activations) noinline {{',
        f"%w = bitcast {bytes_} %weights to {words}",
        f"%a = bitcast {bytes_} %activations to {words}",
    ]
    for k in range(4):
        left, right = (", ".join([f"i32 {count}"] * lanes) for count in (24 - 8 * k, 24))
        for x, operation in (("w", shift), ("a", "ashr")):
            lines += [
                f"%{x}.{k} = shl {words} %{x}, <{left}>",
                f"%{x}.byte.{k} = {operation} {words} %{x}.{k}, <{right}>",
            ]
        lines += [
            f"%product.{k} = mul {words} %w.byte.{k}, %a.byte.{k}",
            f"%sum.{k + 1} = add {words} %sum.{k}, %product.{k}",
        ]
    return "\n".join([*lines, f"ret {words} %sum.4", "}"])


def _tile_instructions() -> dict[str, str]:
    """The same, for AMX: each calls the function below that stands for it."""
    kinds = {_I8: "i8", _I64: "i64", _POINTER: "ptr"}
    definitions = {}
    for name, function in TILES.items():
        kind = [kinds[argument] for argument in function.argtypes]
        parameters = ", ".join(f"{argument} %{number}" for number, argument in enumerate(kind))
        address = ctypes.cast(function, ctypes.c_void_p).value
        definitions[name] = (
            f'define internal void @"{name}"({parameters}) {{\n'
            f"call void inttoptr (i64 {address} to ptr)({parameters})\nret void\n}}"
        )
    return definitions


# AMX, as Intel's manual defines it: what would be an invalid operation there is an assertion here.


class _Registers(threading.local):
    """Each thread has its own."""

    def __init__(self) -> None:
        self.rows: NDArray[np.uint8] | None = None  # [8], None: not configured
        self.row_bytes: NDArray[np.uint16]  # [8]
        self.tiles = np.zeros((8, 16, 64), np.uint8)

    def shape(self, tile: int) -> tuple[int, int]:
        assert self.rows is not None, "tiles are used before they are configured, or after their release"
        rows, row_bytes = int(self.rows[tile]), int(self.row_bytes[tile])
        assert 0 < rows <= 16
        assert 0 < row_bytes <= 64
        return rows, row_bytes


_registers = _Registers()


def _memory(address: int, rows: int, row_bytes: int, stride: int) -> NDArray[np.uint8]:
    every_byte = (ctypes.c_uint8 * ((rows - 1) * stride + row_bytes)).from_address(address)
    return np.ndarray((rows, row_bytes), np.uint8, every_byte, strides=(stride, 1))


def _configure(address: int) -> None:
    config = _memory(address, 1, 64, 64)[0]
    assert config[0] == 1, "there is no other palette"
    _registers.row_bytes, _registers.rows = config[16:32].view(np.uint16).copy(), config[48:56].copy()
    _registers.tiles[:] = 0


def _release() -> None:
    _registers.rows = None


def _zero(tile: int) -> None:
    _registers.shape(tile)
    _registers.tiles[tile] = 0


def _load(tile: int, address: int, stride: int) -> None:
    rows, row_bytes = _registers.shape(tile)
    _registers.tiles[tile] = 0
    _registers.tiles[tile, :rows, :row_bytes] = _memory(address, rows, row_bytes, stride)


def _store(tile: int, address: int, stride: int) -> None:
    rows, row_bytes = _registers.shape(tile)
    _memory(address, rows, row_bytes, stride)[:] = _registers.tiles[tile, :rows, :row_bytes]


def _dot_bfloats(total: int, left: int, right: int) -> None:
    (rows, width), (left_rows, depth), (right_rows, right_width) = map(_registers.shape, (total, left, right))
    assert (left_rows, right_rows * 4, right_width) == (rows, depth, width)
    a = _floats(_registers.tiles[left, :rows, :depth])  # [rows, numbers]
    b = _floats(_registers.tiles[right, :right_rows, :width]).reshape(right_rows, -1, 2).swapaxes(1, 2)
    b = np.ascontiguousarray(b.reshape(2 * right_rows, -1).T)  # [columns, numbers]
    sums = _registers.tiles[total].view(np.float32)[:rows, : width // 4]
    with np.errstate(over="ignore", invalid="ignore"):
        sums += (a[:, None] * b[None]).sum(axis=-1)  # the order of a sum does not depend on the tiles' sizes


def _floats(bfloats: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.left_shift(np.ascontiguousarray(bfloats).view(np.uint16), 16, dtype=np.uint32).view(np.float32)


_I8, _I64, _POINTER = ctypes.c_uint8, ctypes.c_int64, ctypes.c_void_p
TILES = {
    "llvm.x86.ldtilecfg": ctypes.CFUNCTYPE(None, _POINTER)(_configure),
    "llvm.x86.tilerelease": ctypes.CFUNCTYPE(None)(_release),
    "llvm.x86.tilezero": ctypes.CFUNCTYPE(None, _I8)(_zero),
    "llvm.x86.tileloadd64": ctypes.CFUNCTYPE(None, _I8, _POINTER, _I64)(_load),
    "llvm.x86.tilestored64": ctypes.CFUNCTYPE(None, _I8, _POINTER, _I64)(_store),
    "llvm.x86.tdpbf16ps": ctypes.CFUNCTYPE(None, _I8, _I8, _I8)(_dot_bfloats),
}
"""Kept here as long as the process lives: compiled code calls them."""
