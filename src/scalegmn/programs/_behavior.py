"""How a function of numbers treats scales and signs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Final, final


@final
class Parity(Enum):
    """What a function makes of a flipped sign."""

    odd = "odd"
    """``f(-x) = -f(x)``."""
    even = "even"
    """``f(-x) = f(x)``."""


@final
@dataclass(frozen=True, kw_only=True)
class Behavior:
    """What is known of a function ``f`` on numbers, as far as symmetries go.

    Attributes:
        degree: ``k`` where ``f(c x) = c^k f(x)`` for all positive ``c``; None where there is no such ``k``,
            so that the scale of ``x`` must be 1.
        parity: what becomes of a flipped sign; None where ``f(-x)`` is neither, so that the sign must be 1.

    Example:
        >>> from scalegmn.programs import RELU
        >>> RELU.degree, RELU.parity
        (Fraction(1, 1), None)
    """

    degree: Fraction | None = None
    parity: Parity | None = None


OPAQUE: Final = Behavior()
"""Neither homogeneous nor odd nor even: ``exp``, ``sigmoid``, ``gelu``."""
LINEAR: Final = Behavior(degree=Fraction(1), parity=Parity.odd)
"""``c x``."""
RELU: Final = Behavior(degree=Fraction(1))
"""``max(x, 0)``, and the leaky ones."""
ABSOLUTE: Final = Behavior(degree=Fraction(1), parity=Parity.even)
"""``|x|``."""
ODD: Final = Behavior(parity=Parity.odd)
"""``tanh``, ``sin``, ``erf``."""
EVEN: Final = Behavior(parity=Parity.even)
"""``cos``, ``cosh``."""


def power(exponent: Fraction) -> Behavior:
    """``x^p``: of degree ``p``; odd or even where ``p`` is an integer, and neither otherwise."""
    if exponent.denominator != 1:
        return Behavior(degree=exponent)
    return Behavior(degree=exponent, parity=Parity.even if exponent.numerator % 2 == 0 else Parity.odd)
