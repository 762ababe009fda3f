"""16-bit floats in memory, float32 in registers: by integer arithmetic where the level has no instruction."""

from __future__ import annotations

from galerne.kernels.native.emitter import F16, F32V, I16, I32V, Emitter, Value, vector
from galerne.kernels.native.levels import Level


def load_halves(emit: Emitter, level: Level, address: Value) -> Value:
    """Sixteen float16 -> float32."""
    return halves_to_floats(emit, level, emit.load(vector(I16), address))


def halves_to_floats(emit: Emitter, level: Level, bits: Value) -> Value:
    """The bits of sixteen float16 -> float32."""
    if level.halves:
        return Value(emit, emit.builder.fpext(bits.bits(vector(F16)).ir, F32V))
    return half_to_float(emit, bits)


def round_to_halves(emit: Emitter, level: Level, values: Value) -> Value:
    """Sixteen float32 -> the bits of the nearest float16 (even on ties; beyond its range: infinity)."""
    if level.halves:
        return Value(emit, emit.builder.fptrunc(values.ir, vector(F16))).bits(vector(I16))
    return float_to_half(emit, values)


def half_to_float(emit: Emitter, bits: Value) -> Value:
    wide = emit.extend(bits, I32V, signed=False)
    magnitude = (wide & 0x7FFF) << 13
    sign = (wide & 0x8000) << 16
    rebased = magnitude.bits(F32V) * 2.0**112  # moves the exponent's bias, and makes subnormals normal
    special = magnitude | 0x7F800000
    number = emit.select(magnitude >= 0x0F800000, special, rebased.bits(I32V))
    return (number | sign).bits(F32V)


def float_to_half(emit: Emitter, values: Value) -> Value:
    bits = values.bits(I32V)
    sign = (bits >> 16) & 0x8000
    magnitude = bits & 0x7FFFFFFF
    odd = (magnitude >> 13) & 1
    normal = (magnitude + 0x0FFF + odd - (112 << 23)) >> 13
    small = (magnitude.bits(F32V) + 0.5).bits(I32V) - 0x3F000000  # 0.5's last bit is float16's smallest number
    special = emit.select(magnitude > 0x7F800000, emit.constant(I32V, 0x7E00), emit.constant(I32V, 0x7C00))
    result = emit.select(magnitude < (113 << 23), small, normal)
    result = emit.select(magnitude >= (143 << 23), special, result)
    return emit.truncate(result | sign, vector(I16))


def round_to_bfloats(emit: Emitter, values: Value) -> Value:
    """Sixteen float32 -> the bits of the nearest bfloat16 (even on ties; not a number stays that)."""
    bits = values.bits(I32V)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    number = emit.select(values.equals(values), rounded, emit.constant(I32V, 0x7FC0))
    return emit.truncate(number, vector(I16))
