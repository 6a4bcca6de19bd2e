"""Whether elements of a group really keep the function: computed, not believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Program, run_program

from ._symmetries import SymmetryGroup

TOLERANCE: Final = 1e-10
"""Of the largest output; rounding in float64 stays far below."""


@final
@dataclass(frozen=True, kw_only=True)
class FunctionCheck:
    """What random elements of a group changed.

    Attributes:
        errors: for each element, the largest change of an output by the largest output, in float64.
        tolerance: what is allowed.
        moved: for each element, the largest relative change of a parameter; without one nothing is proven.
    """

    errors: tuple[float, ...]
    tolerance: float
    moved: tuple[float, ...]

    @property
    def passed(self) -> bool:
        """Whether all errors are numbers within the tolerance."""
        return all(error <= self.tolerance for error in self.errors)

    def __str__(self) -> str:
        if not any(self.moved):
            return "nothing was checked, since the group moves no parameter"
        worst = max(self.errors, default=0.0)
        verdict = "the function stayed" if self.passed else "THE FUNCTION CHANGED"
        return (
            f"{verdict}: {len(self.errors)} random elements changed outputs by at most {worst:.1e} of the "
            f"largest (float64, tolerance {self.tolerance:.0e})"
        )


def check_function(
    group: SymmetryGroup,
    *,
    parameters: Mapping[str, Tensor],
    inputs: Sequence[Tensor],
    generator: torch.Generator,
    elements: int = 3,
    spread: float = 1.0,
    tolerance: float = TOLERANCE,
) -> FunctionCheck:
    """Apply random elements to a network, and compare its outputs.

    Args:
        group: of the program.
        parameters: effective ones, of any dtype; all is computed in float64.
        inputs: what to ask, at the sizes of the program.
        generator: of the elements.
        elements: how many.
        spread: of free log-scales.
        tolerance: of the largest output.
    """
    program = group.program
    exact = {name: _double(value) for name, value in parameters.items()}
    before = _outputs(program, exact, inputs)
    errors, moved = [], []
    for _ in range(elements):
        after_move = group.random(generator, spread=spread).apply(exact)
        errors.append(relative_change(before, _outputs(program, after_move, inputs)))
        moved.append(max((_change(exact[name], after_move[name]) for name in exact), default=0.0))
    return FunctionCheck(errors=tuple(errors), tolerance=tolerance, moved=tuple(moved))


def relative_change(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The largest change of any number by the largest number of its tensor; infinite if one is none."""
    return max((_change(a, b) for a, b in zip(before, after, strict=True)), default=0.0)


def _change(before: Tensor, after: Tensor) -> float:
    if before.numel() == 0 or not before.is_floating_point():
        return 0.0 if torch.equal(before, after) else float("inf")
    size = before.abs().max()
    change = float((after - before).abs().max() / torch.where(size > 0, size, torch.ones_like(size)))
    # NaN would be lost among the numbers that it is compared with.
    return inf if isnan(change) else change


def _outputs(program: Program, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return list(run_program(program, parameters, [_double(value) for value in inputs]))


def _double(value: Tensor) -> Tensor:
    return value.detach().to(torch.float64) if value.is_floating_point() else value.detach()
