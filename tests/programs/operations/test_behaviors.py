"""What functions of one number say of themselves holds for numbers, and what they do not say does not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, final

import pytest
import torch
from torch import Tensor

from scalegmn.programs import OPAQUE, Behavior, Instruction, Parity, ValueType
from scalegmn.programs.operations import OPERATIONS
from scalegmn.programs.operations._operation import operator_of
from scalegmn.programs.operations._pointwise import Pointwise
from scalegmn.programs.operations._powers import FixedPower, Power
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery._graded import GradedAlgebra
from scalegmn.symmetry.discovery._labels import Labels

POINTWISE = sorted(
    name for name in OPERATIONS.names() if isinstance(OPERATIONS.get(name), (Pointwise, FixedPower))
)
INSIDE_ONE = {"asin", "acos", "atanh", "erfinv"}
LITERALS: dict[str, tuple[Any, ...]] = {
    "remainder.Scalar": (0.7,),
    "fmod.Scalar": (0.7,),
    "rrelu_with_noise_functional.default": (torch.zeros(80, dtype=torch.float64), 0.125, 0.375, False),
}
FACTOR = 1.7


@final
class Listener(GradedAlgebra):
    """Hears which behaviors an operation applies."""

    def __init__(self) -> None:
        super().__init__(())
        self.heard: list[Behavior] = []

    def exponent(self, behavior: Behavior) -> Fraction | None:
        self.heard.append(behavior)
        return Fraction(1)

    @property
    def modulus(self) -> int | None:
        return None


def behavior_of(name: str, literals: Sequence[Any] = ()) -> Behavior:
    algebra = Listener()
    instruction = Instruction(operation=name, arguments=(), outputs=(ValueType((40,)),))
    OPERATIONS.get(name).interpret(algebra, (Labels((40,)), *literals), instruction)
    (behavior,) = algebra.heard
    return behavior


def literals_of(name: str) -> tuple[Any, ...]:
    short = name.removeprefix("aten.")
    if short in LITERALS:
        return LITERALS[short]
    positional = [a for a in operator_of(name)._schema.arguments if not a.kwarg_only]
    keywords = [a for a in operator_of(name)._schema.arguments if a.kwarg_only]
    return tuple(a.default_value for a in (*positional[1:], *keywords))


def numbers(name: str) -> Tensor:
    """Numbers of both signs, in the domain also when they are multiplied with the factor."""
    largest = 0.55 if name.split(".")[1] in INSIDE_ONE else 4.0
    drawn = torch.rand(40, generator=generator(0), dtype=torch.float64) * largest + 0.02
    return torch.cat([drawn, -drawn])


def same(a: Tensor, b: Tensor) -> bool:
    """Whether they are equal wherever the first one is a number."""
    finite = ~a.isnan()
    return bool(finite.any()) and torch.allclose(a[finite], b[finite], rtol=1e-9, atol=1e-12)


def true_degree(name: str, literals: Sequence[Any]) -> Fraction | None:
    """The degree that numbers show, of a few that could be."""
    x = numbers(name)
    plain, scaled = (OPERATIONS.get(name).run(v, *literals)[0] for v in (x, FACTOR * x))
    for degree in (Fraction(n, 2) for n in range(-6, 9)):
        if same(scaled, FACTOR ** float(degree) * plain):
            return degree
    return None


def true_parity(name: str, literals: Sequence[Any]) -> Parity | None:
    x = numbers(name)
    plain, flipped = (OPERATIONS.get(name).run(v, *literals)[0] for v in (x, -x))
    if same(flipped, -plain):
        return Parity.odd
    return Parity.even if same(flipped, plain) else None


@pytest.mark.parametrize("name", POINTWISE)
def test_degree_and_parity_are_those_of_the_numbers(name: str) -> None:
    literals = literals_of(name)
    behavior = behavior_of(name, literals)
    assert behavior.degree == true_degree(name, literals)
    assert behavior.parity == true_parity(name, literals)


@pytest.mark.parametrize("exponent", [-3, -2, -1, 1, 2, 3, 4, -0.5, 0.5, 1.5, 2.5])
def test_powers_are_of_their_degree(exponent: float) -> None:
    name = "aten.pow.Tensor_Scalar"
    assert isinstance(OPERATIONS.get(name), Power)
    behavior = behavior_of(name, (exponent,))
    assert behavior.degree == true_degree(name, (exponent,)) == Fraction(exponent)
    assert behavior.parity == true_parity(name, (exponent,))


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, None), (None, 0), (0.0, None), (-1, 1), (-2.5, 2.5), (-1, 2), (0, 6), (0.5, None), (None, -1)],
)
def test_bounds_say_what_a_clamp_lets_through(low: Any, high: Any) -> None:
    behavior = behavior_of("aten.clamp.default", (low, high))
    assert behavior.degree == true_degree("aten.clamp.default", (low, high))
    assert behavior.parity == true_parity("aten.clamp.default", (low, high))


def test_a_leaky_slope_of_any_sign_is_of_degree_1() -> None:
    name = "aten.leaky_relu.default"
    for slope in (0.01, 0.3, -0.5):
        assert behavior_of(name, (slope,)).degree == true_degree(name, (slope,)) == 1


def test_the_numbers_tell_wrong_rules() -> None:
    """The comparison itself can fail: softplus is not linear, and sine is not even."""
    assert true_degree("aten.softplus.default", (1, 20)) is None
    assert true_parity("aten.sin.default", ()) is Parity.odd
    assert true_degree("aten.relu.default", ()) == 1
    assert behavior_of("aten.gelu.default", ("none",)) == OPAQUE
