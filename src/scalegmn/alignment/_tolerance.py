"""How far parameters of the same network may be apart after rounding."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture

from ._alignment import Alignment

_FULL: Final[Mapping[torch.dtype, float]] = {torch.float64: 1e-10, torch.float32: 1e-5}
_LEEWAY: Final = 0.5
"""Scales are fitted to rounded numbers, and take a little of the rounding with them."""
_PERIOD: Final = 1 / 20
"""Of the tolerance: rounding of a sum of a bias and a few periods, by a half period."""
_MOST: Final = 0.5
_TINY: Final = torch.finfo(torch.float64).tiny
_SPREAD: Final = 8.0
"""Rounding errors are nearly uniform: the largest is a few times as large as their root mean square."""


@final
@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far parameters of the same network may be apart, relative to the larger of the two.

    Attributes:
        exact: for numbers that were not rounded further: rounding of single or double precision.
        rounding: for files in half precision, what rounding to it may change besides; 0 where there are none.
        smallest: an absolute difference that is always allowed, such as the smallest number of a format.
        coarser_second: whether the second network was rounded more than the first, so that the first is
            brought to it: what rounding did is known where its numbers stay as they are.
    """

    exact: float = _FULL[torch.float32]
    rounding: float = 0.0
    smallest: float = 0.0
    coarser_second: bool = False

    def __post_init__(self) -> None:
        for name in ("exact", "rounding", "smallest"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigurationError(
                    f"the tolerance {name} is {value}, expected a number of at least 0, such as 1e-5"
                )

    @classmethod
    def of(cls, first: torch.dtype, second: torch.dtype) -> Tolerance:
        """Choose the tolerances for comparing networks of these two dtypes.

        1e-10 where all are float64, 1e-5 for float32.  For each network in float16 or bfloat16, half a unit
        in the last place is added.

        Example:
            >>> import torch
            >>> from scalegmn.alignment import Tolerance
            >>> Tolerance.of(torch.float32, torch.float64).exact
            1e-05
            >>> Tolerance.of(torch.float32, torch.bfloat16).largest < 1 / 100
            True
        """
        dtypes = (first, second)
        half = [torch.finfo(dtype) for dtype in dtypes if dtype not in _FULL]
        errors = [one.eps / 2 for one in half]
        single = _FULL[torch.float32]
        return cls(
            exact=max(_FULL.get(dtype, single) for dtype in dtypes),
            rounding=sum(errors) + _LEEWAY * max(errors, default=0.0),
            smallest=max((one.smallest_normal * one.eps / 2 for one in half), default=0.0),
            coarser_second=torch.finfo(second).eps > torch.finfo(first).eps,
        )

    @property
    def largest(self) -> float:
        """The largest relative difference that is ever allowed."""
        return self.exact + self.rounding

    def differences(self, alignment: Alignment) -> tuple[Tensor, Tensor]:
        """Relative differences and what is allowed of each, ``(P,)`` float64.

        Where numbers were rounded to half precision, rounding must explain a difference: it spreads over all
        numbers, so that one alone that differs among others that agree is no rounding.  Of the bias of a sine
        that may have been shifted by periods, what rounding a period leaves is taken off first.
        """
        difference = alignment.difference
        rounded = torch.zeros_like(difference)
        if self.rounding:
            typical = torch.maximum(
                _others(difference), _others_of_parameters(difference, alignment.architecture)
            )
            rounded = torch.clamp(_SPREAD * typical, max=self.rounding)
        first, second = alignment.reference.double(), alignment.aligned.double()
        change, size = (first - second).abs(), torch.maximum(first.abs(), second.abs())
        beyond = (change - (_PERIOD * self.exact + rounded) * alignment.floor).clamp_min(0.0)
        phased = torch.where(beyond > 0, beyond / size.clamp_min(_TINY), 0.0)
        difference = torch.where(alignment.floor > size, phased, difference)
        return torch.where(change > self.smallest, difference, 0.0), self.exact + rounded

    def denies_rounding(self, alignment: Alignment) -> bool:
        """Whether numbers differ in a parameter most of whose numbers are equal.

        Rounding at other scales changes nearly all numbers, and at the same scale none.

        Args:
            alignment: with scales that leave equal what is equal.
        """
        difference, allowed = dataclasses.replace(self, rounding=0.0).differences(alignment)
        there = (alignment.reference != 0) & (alignment.aligned != 0)
        for parameter in alignment.architecture.parameters:
            part = slice(parameter.start, parameter.stop)
            other = difference[part][there[part]] > allowed[part][there[part]]
            # For every channel the scale may be such that one number is equal.
            equal = len(other) - int(other.sum()) - sum(parameter.shape)
            if bool(other.any()) and equal >= _MOST * len(other):
                return True
        return False

    def __str__(self) -> str:
        if not self.rounding:
            return f"tolerance {self.largest:.0e}"
        return f"tolerance {self.largest:.1e}, rounding to half precision"


def _others(values: Tensor) -> Tensor:
    """For each number the root mean square of all others; 0 where there are none."""
    squares = values.square()
    # The sum of the others, and not what a difference of large numbers leaves of it.
    largest = int(squares.argmax()) if len(squares) else 0
    rest = squares.clone()
    rest[largest : largest + 1] = 0.0
    sums = (squares.sum() - squares).clamp_min(0.0)
    sums[largest : largest + 1] = rest.sum()
    return (sums / max(len(values) - 1, 1)).sqrt()


def _others_of_parameters(values: Tensor, architecture: Architecture) -> Tensor:
    parts = [_others(values[one.start : one.stop]) for one in architecture.parameters]
    return torch.cat(parts) if parts else values
