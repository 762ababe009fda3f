"""Turn queries and keys by their positions, and put keys and values into the cache."""

from __future__ import annotations

from llvmlite import ir

from galerne.kernels.batch import BLOCK
from galerne.kernels.interface import CACHE_GROUP
from galerne.kernels.native.cache import HALVES, Storage
from galerne.kernels.native.emitter import F32, F32V, I8, I32, I32V, I64, LANES, VOID, Emitter, Value, vector
from galerne.kernels.native.halves import halves_to_floats, round_to_bfloats, round_to_halves
from galerne.kernels.native.levels import Level
from galerne.kernels.native.quantise_groups import largest_number, largest_size, whole_steps
from galerne.kernels.native.record import CONTEXT, Reader, instruction
from galerne.kernels.native.sharing import Parts, pieces, share

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
"""Rows that a thread takes at a time, at most: neighbours share cache lines of a block."""


def write_rope(module: ir.Module, level: Level, storage: Storage) -> ir.Function:
    """The function (instruction, context, counter, thread)."""
    row = _Row(module, level, storage).function
    emit = Emitter(ir.Function(module, ir.FunctionType(VOID, [I64] * 4), "rope"), fused=level.fused)
    address, context, counter, thread = emit.arguments
    ctx = CONTEXT.at(emit, context)
    parts = Parts(emit, ctx, ctx.rows)
    size = share(emit, ctx, ctx.rows, ROW_CHUNK)
    with parts.each(counter, thread, lambda rows: pieces(rows, size)) as (start, end, piece):
        first = start + piece * size
        with emit.loop(first, emit.minimum(first + size, end)) as index:
            emit.call(row, address, context, index)
    emit.done()
    return emit.function


class _Row:
    """Writes what happens to one row."""

    def __init__(self, module: ir.Module, level: Level, storage: Storage) -> None:
        self.level, self.storage = level, storage
        self.function = ir.Function(module, ir.FunctionType(VOID, [I64] * 3), "rope_row")
        self.function.linkage = "internal"
        self.emit = emit = Emitter(self.function, fused=level.fused)
        address, context, row = emit.arguments
        self.ins, self.ctx = ROPE.at(emit, address), CONTEXT.at(emit, context)
        q, k, v = (self.ins.__getattr__(n) + row * self.ins.__getattr__(f"{n}_stride") for n in "qkv")
        half = self.ctx.rotated >> 1
        angles = position_of(emit, self.ctx, row) * half * 4
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
        a, b = emit.pick(low, high, range(0, 32, 2)), emit.pick(low, high, range(1, 32, 2))
        x, y = a * c - b * s, b * c + a * s
        order = [lane // 2 + 16 * (lane % 2) for lane in range(32)]
        emit.store(emit.pick(x, y, order[:16]), address)
        emit.store(emit.pick(x, y, order[16:]), address + 64)

    def _store(self, k: Value, v: Value, slot: tuple[Value, Value]) -> None:
        """Put all heads' keys and values at one position, see cache.py."""
        emit, ins, storage = self.emit, self.ins, self.storage
        base, position = slot
        with emit.loop(0, ins.kv_heads) as head:
            keys = base + head * ins.head_bytes
            start = head * ins.head_dim * 4
            if storage.value_scales:
                self._put_bytes(k + start, v + start, keys, position)
            else:
                put = self._put_halves if storage is HALVES else self._put_pairs
                with emit.loop(0, ins.width, storage.step) as d:
                    put(self._numbers(k + start, d), self._numbers(v + start, d), keys, d, position)

    def _numbers(self, x: Value, d: Value) -> list[Value]:
        """Those of a head at x from d on that are stored together."""
        return [self._inside_head(x, d + some) for some in range(0, self.storage.step, LANES)]

    def _inside_head(self, x: Value, d: Value) -> Value:
        emit = self.emit
        inside = emit.splat(emit.truncate(self.ins.head_dim - d, I32)) > emit.iota()
        return emit.select(inside, emit.load(F32V, x + d * 4), emit.constant(F32V, 0.0))

    def _put_halves(self, key: list[Value], value: list[Value], keys: Value, d: Value, position: Value) -> None:
        emit, width = self.emit, self.ins.width
        values = keys + width * self.storage.values
        emit.store(round_to_halves(emit, self.level, value[0]), values + (position * width + d) * 2)
        bits = round_to_halves(emit, self.level, key[0])
        for lane in range(LANES):
            emit.store(bits.lane(lane), keys + (d + lane) * (2 * BLOCK) + position * 2)

    def _put_pairs(self, key: list[Value], value: list[Value], keys: Value, d: Value, position: Value) -> None:
        emit, width = self.emit, self.ins.width
        values = keys + width * self.storage.values
        for half in range(2):
            first = d + half * LANES
            pairs = round_to_bfloats(emit, key[half]).bits(vector(I32, LANES // 2))
            for lane in range(LANES // 2):
                emit.store(pairs.lane(lane), keys + ((first >> 1) + lane) * (4 * BLOCK) + position * 4)
            bits = round_to_bfloats(emit, value[half])
            start = values + ((position >> 1) * width + first) * 4 + (position & 1) * 2
            for lane in range(LANES):
                emit.store(bits.lane(lane), start + 4 * lane)

    def _put_bytes(self, key: Value, value: Value, keys: Value, position: Value) -> None:
        emit, width, storage = self.emit, self.ins.width, self.storage
        with emit.loop(0, width, CACHE_GROUP) as d:
            numbers = self._numbers(key, d)
            inverse = self._scale(
                largest_size(emit, *numbers),
                keys + width * storage.key_scales + (d // CACHE_GROUP) * (2 * BLOCK) + position * 2,
            )
            for half, some in enumerate(numbers):
                self._put_key_bytes(self._steps(some, inverse), keys, d + half * LANES, position)
        sizes = emit.variable(emit.constant(I32V, 0))
        with emit.loop(0, width, LANES) as d:
            sizes.now = emit.maximum(sizes.now, self._inside_head(value, d).bits(I32V) & 0x7FFFFFFF)
        largest = largest_number(emit.reduce("max", sizes.now))
        inverse = self._scale(largest, keys + width * storage.head + position * 2)
        with emit.loop(0, width, LANES) as d:
            steps = self._steps(self._inside_head(value, d), inverse)
            self._put_value_bytes(steps, keys + width * storage.values, d, position)

    def _put_key_bytes(self, steps: Value, keys: Value, d: Value, position: Value) -> None:
        emit = self.emit
        if self.storage.quads:
            quads = (steps ^ -128).bits(vector(I32, LANES // 4))
            for lane in range(LANES // 4):
                emit.store(quads.lane(lane), keys + ((d >> 2) + lane) * (4 * BLOCK) + position * 4)
            return
        for lane in range(LANES):
            emit.store(steps.lane(lane), keys + (d + lane) * BLOCK + position)

    def _put_value_bytes(self, steps: Value, values: Value, d: Value, position: Value) -> None:
        emit, width = self.emit, self.ins.width
        if not self.storage.quads:
            emit.store(steps, values + position * width + d)
            return
        start = values + ((position >> 2) * width + d) * 4 + (position & 3)
        for lane in range(LANES):
            emit.store(steps.lane(lane), start + 4 * lane)

    def _scale(self, largest: Value, place: Value) -> Value:
        """Store the scale of numbers in 8 bits; returns what they are multiplied by. See interface.CacheType."""
        emit = self.emit
        bits = round_to_halves(emit, self.level, emit.splat(largest / 127.0))
        emit.store(bits.lane(0), place)
        scale = halves_to_floats(emit, self.level, bits).lane(0)
        return emit.splat(emit.select(scale > 0.0, emit.f32(1.0) / scale, emit.f32(0.0)))

    def _steps(self, numbers: Value, inverse: Value) -> Value:
        return self.emit.truncate(whole_steps(self.emit, numbers, inverse, 127), vector(I8))


def position_of(emit: Emitter, ctx: Reader, row: Value) -> Value:
    return emit.extend(emit.load(I32, ctx.positions + row * 4), I64, signed=True)


def cache_slot(emit: Emitter, ctx: Reader, ins: Reader, row: Value) -> tuple[Value, Value]:
    """(address of the row's block in this layer, its place in the block)."""
    position = position_of(emit, ctx, row)
    sequence = emit.extend(emit.load(I32, ctx.sequence_of + row * 4), I64, signed=True)
    table = ctx.blocks + sequence * ctx.blocks_stride
    block = emit.extend(emit.load(I32, table + (position // BLOCK) * 4), I64, signed=True)
    return ins.cache + block * ins.block_bytes, position % BLOCK
