"""Jacobians of the function at random parameters, and what they send to zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor
from torch.func import jacrev

from scalegmn.programs import EffectiveParameter, Program, run_program

CUT: Final = 1e-9
"""Singular values below, by the largest, are rounding."""


def counted(program: Program) -> tuple[EffectiveParameter, ...]:
    """Parameters that are real numbers."""
    return tuple(parameter for parameter in program.parameters if parameter.type.is_floating)


def drawn(
    program: Program, generator: torch.Generator, fixed: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Random parameters, but for those that are fixed."""
    values = {}
    for parameter in program.parameters:
        numbers = torch.randn(parameter.type.shape, generator=generator, dtype=torch.float64)
        values[parameter.name] = 0.5 + numbers.abs() if parameter.positive else numbers
    return {**values, **(fixed or {})}


def jacobian(
    program: Program, theta: Mapping[str, Tensor], names: Sequence[str], generator: torch.Generator
) -> dict[str, Tensor]:
    """Derivatives of all outputs, at random inputs, by some parameters.

    Returns:
        ``(outputs, *shape)`` for each of them.
    """
    inputs = [
        torch.randn(given.type.shape, generator=generator, dtype=torch.float64) for given in program.inputs
    ]

    def function(values: dict[str, Tensor]) -> Tensor:
        outputs = run_program(program, {**theta, **values}, inputs)
        return torch.cat([output.reshape(-1) for output in outputs if output.is_floating_point()])

    found: dict[str, Tensor] = jacrev(function)({name: theta[name] for name in names})
    return found


def stacked(rows: Callable[[], Tensor], unknowns: int, *, draws: int) -> Tensor:
    """Rows of equations, drawn until there are many more than unknowns, in triangular form.

    Args:
        rows: draws parameters and inputs, ``(outputs, unknowns)``.
        unknowns: how many there are.
        draws: how often at least; a matrix is known by what it does to as many vectors as it has columns.
    """
    parts: list[Tensor] = []
    drawn_so_far = height = 0
    while drawn_so_far < draws or height < 2 * unknowns + 20:
        parts.append(rows())
        height, drawn_so_far = height + len(parts[-1]), drawn_so_far + 1
        if sum(map(len, parts)) > 8 * unknowns + 1000:
            parts = [_triangular(parts)]
    return _triangular(parts)


def _triangular(parts: Sequence[Tensor]) -> Tensor:
    return torch.linalg.qr(torch.cat(list(parts)), mode="r").R


def null_space(equations: Tensor) -> Tensor:
    """A basis of what equations send to zero, ``(dimension, unknowns)``, in reduced echelon form."""
    _, singular, right = torch.linalg.svd(equations)
    rank = int((singular > CUT * singular[:1]).sum())
    return echelon(right[rank:])


def echelon(rows: Tensor) -> Tensor:
    """Reduced row echelon form, with numbers near small integers taken for them."""
    rows, done = rows.clone(), 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        place = done + int(rows[done:, column].abs().argmax())
        if float(rows[place, column].abs()) < 1e-6:
            continue
        rows[[done, place]] = rows[[place, done]]
        rows[done] = rows[done] / rows[done, column]
        others = torch.arange(len(rows)) != done
        rows[others] -= rows[others, column, None] * rows[done]
        done += 1
    near = (rows - rows.round()).abs() < 1e-8
    return torch.where(near, rows.round(), rows)[:done]


def flat(values: Mapping[str, Tensor], names: Sequence[str]) -> Tensor:
    """Tensors one after another, as one vector."""
    return torch.cat([values[name].reshape(-1) for name in names])


def unflat(vector: Tensor, parameters: Sequence[EffectiveParameter]) -> dict[str, Tensor]:
    """The way back from :func:`flat`."""
    sizes = [torch.Size(parameter.type.shape).numel() for parameter in parameters]
    pieces = vector.split(sizes)
    return {p.name: piece.reshape(p.type.shape) for p, piece in zip(parameters, pieces, strict=True)}
