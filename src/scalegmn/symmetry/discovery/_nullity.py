"""How large the continuous symmetry group can be: the null space of the Jacobian, without any rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor
from torch.func import jacrev

from scalegmn.errors import SymmetryError
from scalegmn.programs import EffectiveParameter, Program, run_program

_LARGEST: Final = 5_000
"""Parameters; a dense Jacobian of more takes minutes and gigabytes."""
_CUT: Final = 1e-9
"""Singular values below, by the largest, are rounding."""


@final
@dataclass(frozen=True, kw_only=True)
class JacobianNullity:
    """The smallest null space that was met.

    Attributes:
        dimension: of it.
        gap: the smallest singular value that counts, by the largest that does not; what is near 1 decides
            nothing.
        dimensions: of all draws.
    """

    dimension: int
    gap: float
    dimensions: tuple[int, ...]


def jacobian_nullity(
    program: Program, *, generator: torch.Generator, draws: int = 20, buffers: bool = True
) -> JacobianNullity:
    """Directions in which parameters can move without changing the function, to first order.

    The null space of ``d f(x; theta) / d theta`` over many inputs is at least as large as the orbit of
    ``theta`` under the continuous symmetry group.  A relu that is never or always on adds to it, so that
    random parameters are drawn several times, and the smallest null space counts.

    Args:
        program: a small network; a batch of many examples takes fewer passes.
        generator: of parameters and inputs.
        draws: of parameters.
        buffers: whether effective buffers count as parameters.

    Raises:
        SymmetryError: it has more than a few thousand parameters, or inputs that are no real numbers.

    Source: the rank is the functional dimension of Grigsby, Lindsey, Meyerhoff and Wu, "Functional dimension
    of feedforward ReLU neural networks" (2022), where it is shown that it varies over parameters.
    """
    counted = [p for p in program.parameters if p.type.is_floating and (buffers or not p.buffer)]
    total = sum(torch.Size(parameter.type.shape).numel() for parameter in counted)
    check_size(program)
    found = [_nullity(program, counted, total, generator) for _ in range(draws)]
    smallest = min(dimension for dimension, _ in found)
    gaps = [gap for dimension, gap in found if dimension == smallest]
    return JacobianNullity(
        dimension=smallest, gap=max(gaps), dimensions=tuple(dimension for dimension, _ in found)
    )


def check_size(program: Program) -> None:
    """Refuse a program whose Jacobian would take too long, or that reads integers.

    Args:
        program: a network.

    Raises:
        SymmetryError: it is refused.
    """
    total = sum(torch.Size(p.type.shape).numel() for p in program.parameters if p.type.is_floating)
    if total > _LARGEST or not all(given.type.is_floating for given in program.inputs):
        raise SymmetryError(
            f"the network has {total:,} parameters and {len(program.inputs)} inputs, expected at most "
            f"{_LARGEST:,} parameters and inputs of real numbers; try it on a narrower network"
        )


def random_parameters(program: Program, generator: torch.Generator) -> dict[str, Tensor]:
    """Normal numbers for every parameter, float64; those that have to be positive are.

    Args:
        program: a network.
        generator: of the numbers.
    """
    return {parameter.name: _drawn(parameter, generator) for parameter in program.parameters}


def _nullity(
    program: Program, counted: list[EffectiveParameter], total: int, generator: torch.Generator
) -> tuple[int, float]:
    theta = random_parameters(program, generator)
    varied = {parameter.name: theta[parameter.name] for parameter in counted}
    rows: list[Tensor] = []
    # Three times as many numbers as unknowns, so that no direction is missed for want of questions.
    while sum(len(part) for part in rows) < 3 * total:
        rows.append(torch.cat(list(_jacobian(program, theta, varied, generator)), dim=1))
    singular = torch.linalg.svdvals(torch.cat(rows))
    singular = singular / singular[0]
    rank = int((singular > _CUT).sum())
    below = float(singular[rank]) if rank < len(singular) else 0.0
    return total - rank, float(singular[rank - 1]) / max(below, 1e-17)


def _jacobian(
    program: Program, theta: Mapping[str, Tensor], varied: dict[str, Tensor], generator: torch.Generator
) -> Iterator[Tensor]:
    inputs = [
        torch.randn(given.type.shape, generator=generator, dtype=torch.float64) for given in program.inputs
    ]

    def function(values: dict[str, Tensor]) -> Tensor:
        outputs = run_program(program, {**theta, **values}, inputs)
        return torch.cat([output.reshape(-1) for output in outputs if output.is_floating_point()])

    for part in jacrev(function)(varied).values():
        yield part.reshape(len(part), -1)


def _drawn(parameter: EffectiveParameter, generator: torch.Generator) -> Tensor:
    values = torch.randn(parameter.type.shape, generator=generator, dtype=torch.float64)
    return 0.5 + values.abs() if parameter.positive else values
