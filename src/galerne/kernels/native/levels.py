"""Instruction levels: what differs between the CPUs that one definition of the kernels is compiled for."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from galerne.kernels.native import amx
from galerne.kernels.native.emitter import BYTES, I16, I32, I32V, LANES, Emitter, Value, vector

Dot = Callable[[Emitter, Value, Value, Value], Value]
"""(emit, sums int32 x 16, weights 16 x 4 bytes, activations 16 x 4 signed bytes) -> sums + four products per lane."""

DotWords = Callable[[Emitter, Value, Value], Value]
"""(emit, two signed 16-bit numbers in each of 16 lanes, two others) -> the sum of both products, int32 x 16."""


@dataclass(frozen=True, slots=True)
class Level:
    """One instruction set, from the point of view of a kernel's writer."""

    name: str
    triple: str
    cpu: str  # LLVM's name: fixed, so that every CPU of a level runs the same code and gives the same numbers
    features: str
    needs: frozenset[str]  # LLVM's names of what the CPU must have
    dot: Dot  # weights 0..15 or 0..255 unsigned, as `signed_bytes` says
    dot_bytes: Dot  # for 8-bit weights
    dot_words: DotWords
    signed_bytes: bool  # True: `dot_bytes` takes weights 0..255 and sums (weight - 128) * activation
    few: tuple[
        int, ...
    ]  # heights of the register tiles for few rows, descending, the last one 1; they are a vector wide
    many: dict[int, tuple[int, ...]]  # for many rows: height -> widths in vectors of 16 outputs; both as above
    paired: dict[int, tuple[int, ...]] = field(default_factory=dict)  # the same, of 4-bit weights multiplied in pairs
    fused: bool = True  # has fused multiply-add
    halves: bool = True  # converts float16 in hardware
    bfloats: bool = False  # attention in bfloat16
    quads: bool = False  # attention in 8 bits, if the cache is
    tiles: bool = False  # has AMX: prompts in bfloat16, too


def _vpdpbusd_512(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    return emit.intrinsic("llvm.x86.avx512.vpdpbusd.512", I32V, sums, weights, activations)


def _pieces(value: Value, count: int) -> list[Value]:
    width = value.type.count // count
    return [value.shuffle(range(i * width, (i + 1) * width)) for i in range(count)]


def _join(pieces: list[Value]) -> Value:
    while len(pieces) > 1:
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        pieces = [_concatenate(a, b) for a, b in pairs]
    return pieces[0]


def _concatenate(a: Value, b: Value) -> Value:
    return a.emit.pick(a, b, range(2 * a.type.count))


def _by_pieces(count: int, one: Dot) -> Dot:
    """A dot product of full vectors out of one for narrower registers."""

    def dot(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
        parts = zip(*(_pieces(x, count) for x in (sums, weights, activations)), strict=True)
        return _join([one(emit, s, w, a) for s, w, a in parts])

    return dot


def _vpdpbusd_256(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    return emit.intrinsic("llvm.x86.avx512.vpdpbusd.256", vector(I32, 8), sums, weights, activations)


def _pairs_avx2(emit: Emitter, sums: Value, unsigned: Value, signed: Value) -> Value:
    """vpmaddubsw saturates at 2^15: right for products of up to 128 * 127, which both callers keep to."""
    pairs = emit.intrinsic("llvm.x86.avx2.pmadd.ub.sw", vector(I16, 16), unsigned, signed)
    ones = emit.constant(vector(I16, 16), 1)
    return sums + emit.intrinsic("llvm.x86.avx2.pmadd.wd", vector(I32, 8), pairs, ones)


def _bytes_avx2(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    """|w| times a with w's sign, w the weight shifted to -128..127."""
    shifted = weights ^ -128
    zero = emit.constant(shifted.type, 0)
    size = emit.select(shifted < zero, zero - shifted, shifted)
    signed = emit.select(shifted < zero, zero - activations, activations)
    return _pairs_avx2(emit, sums, size, signed)


def _words(emit: Emitter, left: Value, right: Value) -> Value:
    def parts(value: Value) -> list[Value]:
        halves = (emit.truncate(part, vector(I16)) for part in (value, value >> 16))
        return [emit.extend(half, I32V, signed=True) for half in halves]

    (a, b), (c, d) = parts(left), parts(right)
    return a * c + b * d


def _words_512(emit: Emitter, left: Value, right: Value) -> Value:
    words = (value.bits(vector(I16, 32)) for value in (left, right))
    return emit.intrinsic("llvm.x86.avx512.pmaddw.d.512", I32V, *words)


def _words_256(emit: Emitter, left: Value, right: Value) -> Value:
    halves = zip(_pieces(left, 2), _pieces(right, 2), strict=True)
    wide = vector(I16, 16)
    return _join(
        [emit.intrinsic("llvm.x86.avx2.pmadd.wd", vector(I32, 8), a.bits(wide), b.bits(wide)) for a, b in halves]
    )


def _sdot(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    return emit.intrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", vector(I32, 4), sums, weights, activations)


def _sdot_bytes(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    return _sdot(emit, sums, weights ^ -128, activations)


def _portable(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    wide = vector(I32, BYTES.count)
    products = emit.extend(weights, wide, signed=False) * emit.extend(activations, wide, signed=True)
    for k in range(4):
        sums = sums + products.shuffle([4 * lane + k for lane in range(LANES)])
    return sums


def _portable_bytes(emit: Emitter, sums: Value, weights: Value, activations: Value) -> Value:
    return _portable(emit, sums, weights, activations)


_LINUX_X86, _LINUX_ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
_WIDE: dict[int, tuple[int, ...]] = {3: (4, 2, 1), 1: (4, 2, 1)}

AMX = Level(
    name="amx_bf16",
    triple=_LINUX_X86,
    cpu="sapphirerapids",
    features="-prefer-256-bit",
    needs=frozenset({"amx-tile", "amx-bf16", "avx512f", "avx512bw", "avx512vl", "avx512vnni"}),
    dot=_vpdpbusd_512,
    dot_bytes=_vpdpbusd_512,
    dot_words=_words_512,
    signed_bytes=False,
    few=(8, 6, 4, 3, 2, 1),
    many=_WIDE,
    bfloats=True,
    quads=True,
    tiles=True,
)
AVX512_BF16 = Level(
    name="avx512_bf16",
    triple=_LINUX_X86,
    cpu="cooperlake",
    features="-prefer-256-bit",
    needs=frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "avx512bf16", "fma", "f16c"}),
    dot=_vpdpbusd_512,
    dot_bytes=_vpdpbusd_512,
    dot_words=_words_512,
    signed_bytes=False,
    few=(8, 6, 4, 3, 2, 1),
    many=_WIDE,
    bfloats=True,
    quads=True,
)
AVX512_VNNI = Level(
    name="avx512_vnni",
    triple=_LINUX_X86,
    cpu="cascadelake",
    features="-prefer-256-bit",
    needs=frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "fma", "f16c"}),
    dot=_vpdpbusd_512,
    dot_bytes=_vpdpbusd_512,
    dot_words=_words_512,
    signed_bytes=False,
    few=(8, 6, 4, 3, 2, 1),
    many=_WIDE,
    quads=True,
)
AVX_VNNI = Level(
    name="avx_vnni",
    triple=_LINUX_X86,
    cpu="alderlake",
    features="",
    needs=frozenset({"avx2", "avxvnni", "fma", "f16c"}),
    dot=_by_pieces(2, _vpdpbusd_256),
    dot_bytes=_by_pieces(2, _vpdpbusd_256),
    dot_words=_words_256,
    signed_bytes=False,
    few=(2, 1),
    many={2: (1,), 1: (2, 1)},
)
AVX2 = Level(
    name="avx2",
    triple=_LINUX_X86,
    cpu="haswell",
    features="",
    needs=frozenset({"avx2", "fma", "f16c"}),
    dot=_by_pieces(2, _pairs_avx2),
    dot_bytes=_by_pieces(2, _bytes_avx2),
    dot_words=_words_256,
    signed_bytes=True,
    few=(1,),  # taller tiles need more than the sixteen registers
    many={1: (2, 1)},
)
NEON_DOT = Level(
    name="neon_dot",
    triple=_LINUX_ARM,
    cpu="neoverse-n1",
    features="+dotprod",
    needs=frozenset({"dotprod"}),
    dot=_by_pieces(4, _sdot),
    dot_bytes=_by_pieces(4, _sdot_bytes),
    dot_words=_words,
    signed_bytes=True,
    few=(4, 2, 1),
    many={4: (1,), 2: (1,), 1: (2, 1)},
)
PORTABLE = Level(
    name="portable",
    triple="",  # whatever this process runs on
    cpu="",
    features="",
    needs=frozenset(),
    dot=_portable,
    dot_bytes=_portable_bytes,
    dot_words=_words,
    signed_bytes=False,
    few=(1,),
    many={1: (1,)},
    fused=False,
    halves=False,
)

LEVELS = {level.name: level for level in (AMX, AVX512_BF16, AVX512_VNNI, AVX_VNNI, AVX2, NEON_DOT, PORTABLE)}


_PAIRED: dict[int, tuple[int, ...]] = {6: (2, 1), 4: (2, 1), 2: (2, 1), 1: (2, 1)}


def tuned(level: Level, cpu: str) -> Level:
    """The level as this CPU (by LLVM's name) runs it fastest; the numbers are the same.

    Zen adds in units that do not multiply, four vectors for two; Intel's CPUs do both in the same ones.
    """
    if cpu not in ("znver4", "znver5") or level.dot is not _vpdpbusd_512 or level.tiles:
        return level
    return replace(level, paired=_PAIRED)


def usable_levels(features: frozenset[str], machine: str = "") -> list[Level]:
    """The levels that a CPU with these features can run, best first.

    `features` are LLVM's names of what the CPU has; `machine` is platform.machine().
    """
    triple = {"x86_64": _LINUX_X86, "aarch64": _LINUX_ARM, "arm64": _LINUX_ARM}.get(machine or platform.machine(), "")
    able = [level for level in LEVELS.values() if level.triple in ("", triple) and level.needs <= features]
    return [level for level in able if not level.tiles or amx.permitted()]
