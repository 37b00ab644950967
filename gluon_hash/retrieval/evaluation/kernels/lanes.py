"""Eight float64 at a time, for compiled code: one register, where the processor has such."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

__all__ = ["LANES", "load", "spread", "store"]

LANES = 8
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class _LanesType(types.Type):
    """Numba's type of eight float64."""

    def __init__(self) -> None:
        super().__init__("Lanes")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    """They are a vector of LLVM's."""

    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _load(typing_context: Any, array: Any, start: Any) -> Any:
    """``array[start : start + 8]`` of a contiguous float64 array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), _VECTOR.as_pointer())
        return builder.load(address, align=8)

    return _lanes(array, types.intp), generate


def _store(typing_context: Any, values: Any, array: Any) -> Any:
    """Write eight values into a contiguous float64 array, from its beginning on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[1])(context, builder, arguments[1])
        builder.store(arguments[0], builder.bitcast(array.data, _VECTOR.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(_lanes, array), generate


def _spread(typing_context: Any, value: Any) -> Any:
    """The same value eight times."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0)
        )
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), everywhere)

    return _lanes(types.float64), generate


load: Any = intrinsic(_load)
store: Any = intrinsic(_store)
spread: Any = intrinsic(_spread)


def _operator(name: str, function: Any) -> None:
    """Let compiled code compute with them, element by element."""

    def compute(typing_context: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, name)(*arguments)

        return _lanes(_lanes, _lanes), generate

    computed: Any = intrinsic(compute)

    def chosen(left: Any, right: Any) -> Any:
        if isinstance(left, _LanesType) and isinstance(right, _LanesType):

            def elementwise(left: Any, right: Any) -> Any:
                return computed(left, right)

            return elementwise
        return None

    overload(function)(chosen)


_operator("fadd", operator.add)
_operator("fsub", operator.sub)
_operator("fmul", operator.mul)
