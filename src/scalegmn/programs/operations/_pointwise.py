"""Functions of one number, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final, TypeVar, final

from scalegmn.programs import (
    ABSOLUTE,
    EVEN,
    LINEAR,
    ODD,
    OPAQUE,
    RELU,
    Algebra,
    Behavior,
    HasShape,
    Instruction,
    Parity,
)

from ._operation import AnyWidth

L = TypeVar("L", bound=HasShape)


@final
class Pointwise(AnyWidth):
    """``y = f(x)``, entry by entry, with whatever else it takes being literals.

    Args:
        name: in the registry.
        behavior: of ``f``.
    """

    def __init__(self, name: str, behavior: Behavior) -> None:
        super().__init__(name)
        self._behavior = behavior

    def interpret(
        self, algebra: Algebra[L], arguments: Sequence[Any], instruction: Instruction
    ) -> tuple[L, ...]:
        return (algebra.apply(arguments[0], self._behavior),)


_SIGN: Final = Behavior(degree=Fraction(0), parity=Parity.odd)
_ODD: Final = ("sinh", "asinh", "tan", "asin", "atan", "atanh", "erfinv", "round", "trunc")
_OPAQUE: Final = (
    *(f"{name}.default" for name in ("acos", "ceil", "elu", "erfc", "exp2", "expm1", "floor", "hardsigmoid")),
    *(f"{name}.default" for name in ("hardswish", "log10", "log1p", "log2", "log_sigmoid", "mish", "selu")),
    *(f"{name}.default" for name in ("acosh", "lgamma", "digamma", "special_erfcx", "special_log_ndtr")),
    "remainder.Scalar",
)
_EVEN: Final = ("cosh", "i0", "special_i0e", "special_bessel_j0")


OPERATIONS: Final = (
    *(Pointwise(f"aten.{name}.default", ODD) for name in _ODD),
    *(Pointwise(f"aten.{name}", OPAQUE) for name in _OPAQUE),
    *(Pointwise(f"aten.{name}.default", EVEN) for name in _EVEN),
    Pointwise("aten.fmod.Scalar", ODD),
    Pointwise("aten.sign.default", _SIGN),
    Pointwise("aten.relu.default", RELU),
    Pointwise("aten.neg.default", LINEAR),
    Pointwise("aten.leaky_relu.default", RELU),
    # At inference: leaky, with the mean of its slopes.
    Pointwise("aten.rrelu_with_noise_functional.default", RELU),
    Pointwise("aten.erf.default", ODD),
    Pointwise("aten.silu.default", OPAQUE),
    Pointwise("aten.softplus.default", OPAQUE),
    Pointwise("aten.log.default", OPAQUE),
    Pointwise("aten.abs.default", ABSOLUTE),
    Pointwise("aten.tanh.default", ODD),
    Pointwise("aten.sin.default", ODD),
    Pointwise("aten.cos.default", EVEN),
    Pointwise("aten.exp.default", OPAQUE),
    Pointwise("aten.gelu.default", OPAQUE),
    Pointwise("aten.sigmoid.default", OPAQUE),
)
