"""Turn queries and keys by their positions, and put keys and values into the cache."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.native.emitter import F32, F32V, I32, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.halves import round_to_bfloats, round_to_halves
from galerne.kernels.native.levels import Level
from galerne.kernels.native.product import take
from galerne.kernels.native.record import CONTEXT, Reader, instruction

ROPE = instruction(
    "rope",
    "q",  # float32 [rows, heads * head_dim], turned in place
    "q_stride",
    "heads",
    "k",
    "k_stride",
    "v",
    "v_stride",
    "kv_heads",
    "head_dim",
    "width",
    "turn",  # 0: no rotation (positions are not encoded)
    "interleaved",
    "cache",  # this layer of the first block
    "block_bytes",
    "head_bytes",
)

ROW_CHUNK = BLOCK
"""Rows that a thread takes at a time: neighbours share cache lines of a block."""


def write_rope(module: ir.Module, level: Level) -> ir.Function:
    """The function (instruction, context, counter, thread)."""
    row = _Row(module, level).function
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "rope"), fused=level.fused)
    address, context, counter, _ = emit.arguments
    ctx = CONTEXT.at(emit, context)
    first = emit.variable(take(emit, counter) * ROW_CHUNK)
    with emit.while_(lambda: first.now < ctx.rows):
        with emit.loop(first.now, emit.minimum(first.now + ROW_CHUNK, ctx.rows)) as index:
            emit.call(row, address, context, index)
        first.now = take(emit, counter) * ROW_CHUNK
    emit.done()
    return emit.function


class _Row:
    """Writes what happens to one row."""

    def __init__(self, module: ir.Module, level: Level) -> None:
        self.level = level
        self.function = ir.Function(module, ir.FunctionType(VOID, [I64] * 3), "rope_row")
        self.function.linkage = "internal"
        self.emit = emit = Emitter(self.function, fused=level.fused)
        address, context, row = emit.arguments
        self.ins, self.ctx = ROPE.at(emit, address), CONTEXT.at(emit, context)
        q, k, v = (self.ins.__getattr__(n) + row * self.ins.__getattr__(f"{n}_stride") for n in "qkv")
        half = self.ctx.rotated >> 1
        angles = row * half * 4
        with emit.if_(self.ins.turn.differs(0)):
            self._turn_heads(q, self.ins.heads, half, angles)
            self._turn_heads(k, self.ins.kv_heads, half, angles)
        self._store(k, v, cache_slot(emit, self.ctx, self.ins, row))
        emit.done()

    def _turn_heads(self, x: Value, heads: Value, half: Value, angles: Value) -> None:
        emit = self.emit
        cosines, sines = self.ctx.cosines + angles, self.ctx.sines + angles
        with emit.loop(0, heads) as head:
            start = x + head * self.ins.head_dim * 4
            whole = half & -LANES
            with emit.builder.if_else(self.ins.interleaved.differs(0).ir) as (then, otherwise):
                with then:
                    with emit.loop(0, whole, LANES) as i:
                        self._turn_interleaved(start + i * 8, cosines + i * 4, sines + i * 4)
                    with emit.loop(whole, half) as i:
                        self._turn_one(start + i * 8, start + i * 8 + 4, cosines + i * 4, sines + i * 4)
                with otherwise:
                    with emit.loop(0, whole, LANES) as i:
                        self._turn(F32V, start + i * 4, start + (i + half) * 4, cosines + i * 4, sines + i * 4)
                    with emit.loop(whole, half) as i:
                        self._turn_one(start + i * 4, start + (i + half) * 4, cosines + i * 4, sines + i * 4)

    def _turn_one(self, first: Value, second: Value, cosine: Value, sine: Value) -> None:
        self._turn(F32, first, second, cosine, sine)

    def _turn(self, type_: ir.Type, first: Value, second: Value, cosine: Value, sine: Value) -> None:
        emit = self.emit
        a, b, c, s = (emit.load(type_, address) for address in (first, second, cosine, sine))
        emit.store(a * c - b * s, first)
        emit.store(b * c + a * s, second)

    def _turn_interleaved(self, address: Value, cosine: Value, sine: Value) -> None:
        emit = self.emit
        low, high = emit.load(F32V, address), emit.load(F32V, address + 64)
        c, s = emit.load(F32V, cosine), emit.load(F32V, sine)
        a, b = _pick(low, high, range(0, 32, 2)), _pick(low, high, range(1, 32, 2))
        x, y = a * c - b * s, b * c + a * s
        order = [lane // 2 + 16 * (lane % 2) for lane in range(32)]
        emit.store(_pick(x, y, order[:16]), address)
        emit.store(_pick(x, y, order[16:]), address + 64)

    def _store(self, k: Value, v: Value, slot: tuple[Value, Value]) -> None:
        emit, ins = self.emit, self.ins
        base, position = slot
        put = self._put_pairs if self.level.tiles else self._put_halves
        with emit.loop(0, ins.kv_heads) as head:
            keys = base + head * ins.head_bytes
            values = keys + ins.width * (2 * BLOCK)
            start = head * ins.head_dim * 4
            with emit.loop(0, ins.width, LANES) as d:
                inside = emit.splat(emit.truncate(ins.head_dim - d, I32)) > emit.iota()
                key, value = (
                    emit.select(inside, emit.load(F32V, x + start + d * 4), emit.constant(F32V, 0.0)) for x in (k, v)
                )
                put(key, value, keys, values, d, position)

    def _put_halves(self, key: Value, value: Value, keys: Value, values: Value, d: Value, position: Value) -> None:
        """Sixteen numbers of a key and a value at one position, see cache.py."""
        emit = self.emit
        emit.store(round_to_halves(emit, self.level, value), values + (position * self.ins.width + d) * 2)
        bits = round_to_halves(emit, self.level, key)
        for lane in range(LANES):
            emit.store(bits.lane(lane), keys + (d + lane) * (2 * BLOCK) + position * 2)

    def _put_pairs(self, key: Value, value: Value, keys: Value, values: Value, d: Value, position: Value) -> None:
        emit = self.emit
        pairs = round_to_bfloats(emit, key).bits(vector(I32, LANES // 2))
        for lane in range(LANES // 2):
            emit.store(pairs.lane(lane), keys + ((d >> 1) + lane) * (4 * BLOCK) + position * 4)
        bits = round_to_bfloats(emit, value)
        start = values + ((position >> 1) * self.ins.width + d) * 4 + (position & 1) * 2
        for lane in range(LANES):
            emit.store(bits.lane(lane), start + 4 * lane)


def cache_slot(emit: Emitter, ctx: Reader, ins: Reader, row: Value) -> tuple[Value, Value]:
    """(address of the row's block in this layer, its place in the block)."""
    position = emit.extend(emit.load(I32, ctx.positions + row * 4), I64, signed=True)
    sequence = emit.extend(emit.load(I32, ctx.sequence_of + row * 4), I64, signed=True)
    table = ctx.blocks + sequence * ctx.blocks_stride
    block = emit.extend(emit.load(I32, table + (position // BLOCK) * 4), I64, signed=True)
    return ins.cache + block * ins.block_bytes, position % BLOCK


def _pick(a: Value, b: Value, lanes: object) -> Value:
    mask = ir.Constant(ir.VectorType(I32, LANES), list(lanes))  # type: ignore[call-overload]
    return Value(a.emit, a.emit.builder.shuffle_vector(a.ir, b.ir, mask))
