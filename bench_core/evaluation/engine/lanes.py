"""Operations on many numbers at once, for which compiled loops have no words of their own.

They are written in the compiler's intermediate language, which turns them into what a processor
has: one instruction for 16 comparisons, or four, or none. Their result is the same on each, to the
last bit, because every addition has its place. Arrays are contiguous, and indices are not checked.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BITS = 64
"""Columns of a word."""
LANES = 32
"""Squares that are added up side by side."""

_INTRINSIC: Any = intrinsic
_CODEGEN: Any = cgutils
_NUMBER = ir.IntType(BITS)
_ELEMENTS = {
    types.int16: ir.IntType(16),
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
}


def _array(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value)


def _load(builder: Any, array: Any, kind: Any, index: Any, length: int) -> Any:
    """Load neighbouring elements of an array as one vector."""
    element = _ELEMENTS[kind.dtype]
    place = builder.gep(array.data, [index])
    vector = builder.load(builder.bitcast(place, ir.VectorType(element, length).as_pointer()))
    # What is mapped from a file may lie anywhere.
    vector.align = kind.dtype.bitwidth // 8 if kind.aligned else 1
    return vector


def _spread(builder: Any, scalar: Any, length: int) -> Any:
    """Make a vector of one number."""
    empty = ir.Constant(ir.VectorType(scalar.type, length), ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(ir.IntType(32), length), [0] * length)
    )


def _compare(operator: str) -> Any:
    def typed(_: Any, values: Any, *__: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = _array(context, builder, signature.args[0], arguments[0])
            vector = _load(builder, array, signature.args[0], arguments[1], BITS)
            found = builder.icmp_signed(operator, vector, _spread(builder, arguments[2], BITS))
            return builder.bitcast(found, _NUMBER)

        return types.uint64(values, types.int64, types.int16), generate

    return typed


def _below(context: Any, values: Any, start: Any, bound: Any) -> Any:
    return _compare("<")(context, values, start, bound)


def _up_to(context: Any, values: Any, start: Any, bound: Any) -> Any:
    return _compare("<=")(context, values, start, bound)


mask_below: Any = _INTRINSIC(_below)
"""`(values, start, bound)`: a word whose bit i tells whether int16 `values[start + i]` is less."""
mask_up_to: Any = _INTRINSIC(_up_to)
"""The same of what is less or equal."""


@_INTRINSIC  # type: ignore[untyped-decorator]
def count_bits(_: Any, word: Any) -> Any:  # noqa: ARG001
    """`(word)`: the number of ones in a uint64."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@_INTRINSIC  # type: ignore[untyped-decorator]
def sum_squares(_: Any, one: Any, other: Any, parts: Any, scale: Any) -> Any:  # noqa: ARG001
    """`(one, other, parts, scale)`: the sum of squares of `one - other * scale`, in float64.

    Of the first `parts` times `LANES` elements of float32 or float64.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args[:2]
        arrays = [
            _array(context, builder, kind, value)
            for kind, value in zip(kinds, arguments[:2], strict=True)
        ]
        factor = _spread(builder, arguments[3], LANES)
        doubles = ir.VectorType(ir.DoubleType(), LANES)
        sums = _CODEGEN.alloca_once_value(builder, ir.Constant(doubles, [0.0] * LANES))
        with _CODEGEN.for_range(builder, arguments[2]) as loop:
            index = builder.mul(loop.index, ir.Constant(_NUMBER, LANES))
            left, right = (
                _widened(builder, _load(builder, array, kind, index, LANES))
                for array, kind in zip(arrays, kinds, strict=True)
            )
            difference = builder.fsub(left, builder.fmul(right, factor))
            square = builder.fmul(difference, difference)
            builder.store(builder.fadd(builder.load(sums), square), sums)
        return _total(builder, builder.load(sums))

    return types.float64(one, other, types.int64, types.float64), generate


def _widened(builder: Any, vector: Any) -> Any:
    doubles = ir.VectorType(ir.DoubleType(), vector.type.count)
    return vector if vector.type == doubles else builder.fpext(vector, doubles)


def _total(builder: Any, vector: Any) -> Any:
    """Add the elements of a vector, half to half."""
    while vector.type.count > 1:
        half = vector.type.count // 2
        empty = ir.Constant(vector.type, ir.Undefined)
        parts = [
            builder.shuffle_vector(
                vector,
                empty,
                ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(first, first + half))),
            )
            for first in (0, half)
        ]
        vector = builder.fadd(*parts)
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))
