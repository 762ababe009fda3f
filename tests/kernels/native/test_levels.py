"""Machine code of every level, whichever CPU this is: the instructions that the level is named after do the work."""

from __future__ import annotations

import re

import pytest
from llvmlite import ir
from tests.kernels.native.emulation import with_few_tiles

from galerne.kernels.native import attention_bytes, attention_dots
from galerne.kernels.native.attention_bytes import ByteAttention
from galerne.kernels.native.attention_dots import DotAttention
from galerne.kernels.native.attention_tiles import TileAttention
from galerne.kernels.native.bfloat_product import BfloatProducts
from galerne.kernels.native.cache import HALVES, PAIRS, QUADS
from galerne.kernels.native.forms import STORED
from galerne.kernels.native.levels import LEVELS
from galerne.kernels.native.library import assembly, compile_object, generate
from galerne.kernels.native.product import Products
from galerne.kernels.native.quantise_groups import write_groups

DOTS = {
    "amx_bf16": r"\tvpdpbusd\t.*%zmm",
    "avx512_bf16": r"\tvpdpbusd\t.*%zmm",
    "avx512_vnni": r"\tvpdpbusd\t.*%zmm",
    "avx_vnni": r"\t\{vex\}\tvpdpbusd\t.*%ymm",
    "avx2": r"\tvpmaddubsw\t.*%ymm",
    "neon_dot": r"\tsdot\tv\d+\.4s, v\d+\.16b",
}
"""How the integer dot product of each level looks."""

UPPER = r"%zmm|%[xy]mm(1[6-9]|2\d|3[01])|%k[0-7]"
"""AVX-512's registers."""
FOREIGN = {"avx_vnni": UPPER, "avx2": UPPER + "|vpdpbusd", "portable": "%[yz]mm|\tvfmadd"}
"""What a CPU of the level might not have."""


def code(level, write) -> str:
    """The machine code of the functions that `write(module)` gives, and of what they call."""
    module = ir.Module(name="part")
    module.triple = level.triple
    for function in write(module):
        function.linkage = ""  # else it would be left out, as nobody calls it
    return assembly(str(module), level)


def tiles(module, level, rows):
    """Of every form that weights have for few and for many rows."""
    products = Products(module, level)
    return [products.tile(form, rows, 1) for each in STORED for form in {each, each.unpacked(paired=False)}]


@pytest.fixture(params=DOTS)
def level(request):
    return LEVELS[request.param]


REGISTERS = {"avx_vnni": 2, "avx2": 2, "neon_dot": 4}
"""That sixteen sums of 32 bits fill; else one."""


def test_every_tile_is_made_of_the_levels_dot_products(level):
    """A group of 32 is eight products of four, for each row, whatever form the weights have."""
    rows = level.few[0]
    text = code(level, lambda module: tiles(module, level, rows))
    functions = re.split(r"\n(?=tile_\w+:)", text)[1:]
    assert len(functions) == 6
    for function in functions:
        dots = re.findall(DOTS[level.name], function)
        assert len(dots) == 8 * rows * REGISTERS.get(level.name, 1), function.split(":")[0]
    assert re.findall(FOREIGN.get(level.name, "$^"), text) == []


def test_prompts_and_attention_use_amx_tiles():
    level = LEVELS["amx_bf16"]
    for write in (
        lambda module: [BfloatProducts(module, level).chunk(STORED[0])],
        lambda module: TileAttention(module, level, PAIRS).write(),
    ):
        text = code(level, write)
        for instruction in ("ldtilecfg", "tilezero", "tileloadd", "tdpbf16ps", "tilestored", "tilerelease"):
            assert f"\t{instruction}" in text, instruction


@pytest.mark.parametrize(
    ("kind", "storage", "instruction", "heights"),
    [
        (DotAttention, PAIRS, "vdpbf16ps", attention_dots.HEIGHTS),
        (ByteAttention, QUADS, "vpdpbusd", attention_bytes.HEIGHTS),
    ],
)
def test_attention_uses_dot_products(kind, storage, instruction, heights):
    """Two for each row of a tile, in scores and in weighted sums."""
    level = LEVELS["avx512_bf16"]

    def write(module):
        write_groups(module, level)
        return kind(module, level, storage).write()

    dots = re.findall(rf"\t{instruction}\t.*%zmm", code(level, write))
    assert len(dots) == 2 * 2 * sum(heights)


def test_all_kernels_compile_for_another_kind_of_cpu():
    level = with_few_tiles(LEVELS["neon_dot"])
    image = compile_object(generate(level, HALVES), level)
    assert image.startswith(b"\x7fELF")
    assert int.from_bytes(image[18:20], "little") == 183  # EM_AARCH64 in elf.h


def test_the_portable_level_asks_for_nothing():
    """It is compiled for the oldest CPU of this kind."""
    level = LEVELS["portable"]
    text = code(level, lambda module: tiles(module, level, 1))
    assert re.findall(FOREIGN["portable"], text) == []
