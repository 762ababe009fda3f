"""A small vector language over LLVM's builder, so that kernels read as loops and arithmetic.

Values are `Value`s with Python's operators; addresses are plain 64-bit integers in bytes; what changes in a loop is a
`Variable` (LLVM turns it into a register). A vector has 16 lanes, whatever the machine's registers hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

LANES = 16


class _Bfloat(ir.Type):  # type: ignore[misc]
    """LLVM's bfloat, which its Python binding does not name. There is one instance."""

    def __str__(self) -> str:
        return "bfloat"


I8, I16, I32, I64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
F16, BF16, F32 = ir.HalfType(), _Bfloat(), ir.FloatType()
VOID = ir.VoidType()


def vector(element: ir.Type, lanes: int = LANES) -> ir.VectorType:
    return ir.VectorType(element, lanes)


F32V, I32V, BYTES = vector(F32), vector(I32), vector(I8, 4 * LANES)


class Value:
    """An SSA value. Operators take Values of the same type, or Python numbers (made constants of that type)."""

    __slots__ = ("emit", "ir")

    def __init__(self, emit: Emitter, value: Any) -> None:
        self.emit = emit
        self.ir = value

    @property
    def type(self) -> Any:
        return self.ir.type

    @property
    def is_float(self) -> bool:
        element = self.type.element if isinstance(self.type, ir.VectorType) else self.type
        return not isinstance(element, ir.IntType)

    def _binary(self, other: Value | float, of_int: str, of_float: str) -> Value:
        builder = self.emit.builder
        right = other if isinstance(other, Value) else self.emit.constant(self.type, other)
        return Value(self.emit, getattr(builder, of_float if self.is_float else of_int)(self.ir, right.ir))

    def __add__(self, other: Value | float) -> Value:
        return self._binary(other, "add", "fadd")

    def __sub__(self, other: Value | float) -> Value:
        return self._binary(other, "sub", "fsub")

    def __mul__(self, other: Value | float) -> Value:
        return self._binary(other, "mul", "fmul")

    def __truediv__(self, other: Value | float) -> Value:
        return self._binary(other, "sdiv", "fdiv")

    def __floordiv__(self, other: Value | int) -> Value:
        return self._binary(other, "udiv", "fdiv")

    def __mod__(self, other: Value | int) -> Value:
        return self._binary(other, "urem", "frem")

    def __and__(self, other: Value | int) -> Value:
        return self._binary(other, "and_", "and_")

    def __or__(self, other: Value | int) -> Value:
        return self._binary(other, "or_", "or_")

    def __xor__(self, other: Value | int) -> Value:
        return self._binary(other, "xor", "xor")

    def __lshift__(self, other: Value | int) -> Value:
        return self._binary(other, "shl", "shl")

    def __rshift__(self, other: Value | int) -> Value:
        return self._binary(other, "lshr", "lshr")

    def _compare(self, operator: str, other: Value | float) -> Value:
        builder = self.emit.builder
        right = other if isinstance(other, Value) else self.emit.constant(self.type, other)
        compare = builder.fcmp_ordered if self.is_float else builder.icmp_signed
        return Value(self.emit, compare(operator, self.ir, right.ir))

    def __lt__(self, other: Value | float) -> Value:
        return self._compare("<", other)

    def __le__(self, other: Value | float) -> Value:
        return self._compare("<=", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compare(">", other)

    def __ge__(self, other: Value | float) -> Value:
        return self._compare(">=", other)

    def equals(self, other: Value | float) -> Value:
        return self._compare("==", other)

    def differs(self, other: Value | float) -> Value:
        return self._compare("!=", other)

    def bits(self, type_: ir.Type) -> Value:
        """The same bits, read as another type."""
        return Value(self.emit, self.emit.builder.bitcast(self.ir, type_))

    def lane(self, index: Value | int) -> Value:
        position = index.ir if isinstance(index, Value) else ir.Constant(I32, index)
        return Value(self.emit, self.emit.builder.extract_element(self.ir, position))

    def shuffle(self, lanes: Sequence[int]) -> Value:
        mask = ir.Constant(vector(I32, len(lanes)), list(lanes))
        return Value(self.emit, self.emit.builder.shuffle_vector(self.ir, ir.Constant(self.type, ir.Undefined), mask))


class Variable:
    """A register that loops may change: read and set `.now`."""

    __slots__ = ("emit", "slot", "type")

    def __init__(self, emit: Emitter, type_: ir.Type, start: Value) -> None:
        self.emit, self.type = emit, type_
        with emit.builder.goto_entry_block():
            self.slot = emit.builder.alloca(type_)
        self.now = start

    @property
    def now(self) -> Value:
        return Value(self.emit, self.emit.builder.load(self.slot, typ=self.type))

    @now.setter
    def now(self, value: Value) -> None:
        self.emit.builder.store(value.ir, self.slot)


class Emitter:
    """Writes one function. `arguments` are its parameters as Values."""

    def __init__(self, function: ir.Function, *, fused: bool = True) -> None:
        self.function = function
        self.fused = fused  # False: the CPU has no fused multiply-add
        self.module = function.module
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.arguments = [Value(self, argument) for argument in function.args]

    # Constants and conversions

    def constant(self, type_: ir.Type, number: float) -> Value:
        if isinstance(type_, ir.VectorType):
            return Value(self, ir.Constant(type_, [ir.Constant(type_.element, number)] * type_.count))
        return Value(self, ir.Constant(type_, number))

    def i64(self, number: int) -> Value:
        return self.constant(I64, number)

    def f32(self, number: float) -> Value:
        return self.constant(F32, number)

    def numbers(self, numbers: Sequence[int]) -> Value:
        """A vector of 32-bit numbers."""
        return Value(self, ir.Constant(vector(I32, len(numbers)), list(numbers)))

    def iota(self) -> Value:
        return self.numbers(range(LANES))

    def splat(self, scalar: Value, lanes: int = LANES) -> Value:
        undefined = ir.Constant(vector(scalar.type, lanes), ir.Undefined)
        first = self.builder.insert_element(undefined, scalar.ir, ir.Constant(I32, 0))
        zeros = ir.Constant(vector(I32, lanes), [0] * lanes)
        return Value(self, self.builder.shuffle_vector(first, undefined, zeros))

    def to_float(self, value: Value) -> Value:
        """Signed integers -> float32, lane by lane."""
        type_ = vector(F32, value.type.count) if isinstance(value.type, ir.VectorType) else F32
        return Value(self, self.builder.sitofp(value.ir, type_))

    def extend(self, value: Value, type_: ir.Type, *, signed: bool) -> Value:
        return Value(self, (self.builder.sext if signed else self.builder.zext)(value.ir, type_))

    def truncate(self, value: Value, type_: ir.Type) -> Value:
        return Value(self, self.builder.trunc(value.ir, type_))

    def select(self, condition: Value, yes: Value, no: Value) -> Value:
        return Value(self, self.builder.select(condition.ir, yes.ir, no.ir))

    def minimum(self, a: Value, b: Value | int) -> Value:
        other = b if isinstance(b, Value) else self.constant(a.type, b)
        return self.select(a < other, a, other)

    def maximum(self, a: Value, b: Value | int) -> Value:
        other = b if isinstance(b, Value) else self.constant(a.type, b)
        return self.select(a > other, a, other)

    def pick(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """Some lanes of two vectors, which are counted one after the other."""
        mask = ir.Constant(vector(I32, len(lanes)), list(lanes))
        return Value(self, self.builder.shuffle_vector(a.ir, b.ir, mask))

    # Memory

    def load(self, type_: ir.Type, address: Value, *, align: int = 1) -> Value:
        value = self.builder.load(self.builder.inttoptr(address.ir, ir.PointerType()), typ=type_)
        value.align = align
        return Value(self, value)

    def store(self, value: Value, address: Value, *, align: int = 1) -> None:
        self.builder.store(value.ir, self.builder.inttoptr(address.ir, ir.PointerType()), align=align)

    def prefetch(self, address: Value) -> None:
        """Have the cache line of an address, which need not be any memory's, in the cache soon."""
        pointer = Value(self, self.builder.inttoptr(address.ir, ir.PointerType()))
        reading, kept, data = (self.constant(I32, number) for number in (0, 3, 1))
        self.intrinsic("llvm.prefetch.p0", VOID, pointer, reading, kept, data)

    # Control

    @contextmanager
    def loop(self, start: Value | int, stop: Value | int, step: int = 1) -> Iterator[Value]:
        """`for index in range(start, stop, step)` over 64-bit integers."""
        first, last = (x if isinstance(x, Value) else self.i64(x) for x in (start, stop))
        index = Variable(self, I64, first)
        with self.while_(lambda: index.now < last):
            yield index.now
            index.now = index.now + step

    @contextmanager
    def while_(self, condition: Any) -> Iterator[None]:
        """Run the body as long as `condition()` (emitted before each turn) holds."""
        test, body, done = (self.function.append_basic_block(name) for name in ("test", "body", "done"))
        self.builder.branch(test)
        self.builder.position_at_end(test)
        self.builder.cbranch(condition().ir, body, done)
        self.builder.position_at_end(body)
        yield
        self.builder.branch(test)
        self.builder.position_at_end(done)

    @contextmanager
    def if_(self, condition: Value) -> Iterator[None]:
        with self.builder.if_then(condition.ir):
            yield

    def variable(self, start: Value) -> Variable:
        return Variable(self, start.type, start)

    def variables(self, count: int, start: Value) -> list[Variable]:
        return [self.variable(start) for _ in range(count)]

    # Calls

    def call(self, function: ir.Function, *arguments: Value) -> Value:
        return Value(self, self.builder.call(function, [argument.ir for argument in arguments]))

    def intrinsic(self, name: str, result: ir.Type, *arguments: Value) -> Value:
        """Call an LLVM intrinsic (or an external function) by its full name, declared on first use."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(result, [a.type for a in arguments]), name)
        return self.call(function, *arguments)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c: rounded once where the CPU can, never left to what LLVM would choose to contract."""
        if not self.fused:
            return a * b + c
        suffix = f"v{a.type.count}f32" if isinstance(a.type, ir.VectorType) else "f32"
        return self.intrinsic(f"llvm.fma.{suffix}", a.type, a, b, c)

    def reduce(self, operation: str, value: Value) -> Value:
        """Sum ("add") or largest ("max") of a vector's lanes, always in the same order: halves folded onto halves."""
        lanes = value.type.count
        while lanes > 1:
            lanes //= 2
            low, high = value.shuffle(range(lanes)), value.shuffle(range(lanes, 2 * lanes))
            value = low + high if operation == "add" else self.maximum(low, high)
        return value.lane(0)

    def reduce_each(self, operation: str, vectors: Sequence[Value]) -> Value:
        """The same of sixteen vectors of sixteen integers: lane i is what `reduce` gives of vector i.

        Of eight vectors, lane i is that of their half number i, of four a quarter's.
        """
        width, rest = len(vectors), list(vectors)
        while width > 1:
            lanes = [lane for lane in range(2 * LANES) if lane % width < width // 2]
            others = [lane + width // 2 for lane in lanes]
            folded = []
            for a, b in zip(rest[::2], rest[1::2], strict=True):
                low, high = self.pick(a, b, lanes), self.pick(a, b, others)
                folded.append(low + high if operation == "add" else self.maximum(low, high))
            width, rest = width // 2, folded
        return rest[0]

    def done(self) -> None:
        self.builder.ret_void()
