"""Random elements of what is not diagonal, exact on the function, and checked on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice, product
from typing import Final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program

from ._mixing import Mixing, MixtureFamily, Slot, slots_of
from ._nullity import jacobian_at, null_space
from ._shifts import BIAS_DRAWS, additive_parameters, with_other
from ._symmetries import SymmetryGroup

_NONE: Final = 1e-12
"""Of the square of an effect: rounding."""
_TRIED: Final = 200_000
"""Ways of writing and reading that are tried; a family with more than a dozen parameters has more."""


def mix(
    group: SymmetryGroup,
    family: MixtureFamily,
    parameters: Mapping[str, Tensor],
    *,
    generator: torch.Generator,
    spread: float = 0.5,
) -> dict[str, Tensor]:
    """Mix the channels of a family by random matrices, each block by its own.

    Args:
        group: of the program.
        family: of the group.
        parameters: effective ones, float64.
        generator: of the matrices, and of inputs on which roles are found.
        spread: of the entries of the matrices' logarithms.

    Returns:
        Parameters with the same function: what writes the channels is multiplied by the matrix, and what
        reads them by its inverse.

    Raises:
        SymmetryError: it cannot be said which parameters write the channels and which read them.
    """
    moved = {name: value.clone() for name, value in parameters.items()}
    for block in family.blocks:
        slots = list(slots_of(group.permutations, block))
        size = len(block)
        logarithm = spread * torch.randn(size, size, generator=generator, dtype=torch.float64)
        if family.kind is not Mixing.general_linear:
            logarithm = logarithm - logarithm.T
        if family.kind is Mixing.orthogonal_of_differences:
            center = torch.eye(size, dtype=torch.float64) - 1 / size
            logarithm = center @ logarithm @ center
        gains = [moved[slot.name].reshape(-1)[slot.entries[:, 0]] for slot in slots if _is_vector(slot)]
        roles = _roles(group.program, moved, slots, gains, logarithm, generator)
        for slot, role in zip(slots, roles, strict=True):
            if role is not None:
                matrix = torch.linalg.matrix_exp(_candidates(logarithm, gains)[role])
                flat = moved[slot.name].reshape(-1)
                flat[slot.entries] = matrix @ flat[slot.entries]
    return moved


def shift(
    program: Program, parameters: Mapping[str, Tensor], *, generator: torch.Generator, spread: float = 1.0
) -> dict[str, Tensor]:
    """Move random numbers between biases that allow it.

    Args:
        program: a small network.
        parameters: effective ones, float64.
        generator: of the numbers.
        spread: of them.

    Returns:
        Parameters with the same function.
    """
    names = [name for name in additive_parameters(program) if name in parameters]
    if not names:
        return dict(parameters)
    theta = {parameter.name: parameters[parameter.name] for parameter in program.parameters}
    sizes = [value.numel() for value in theta.values()]
    chosen = torch.cat(
        [torch.full((value.numel(),), name in names, dtype=torch.bool) for name, value in theta.items()]
    )
    rows: list[Tensor] = []
    # At other biases as well: a direction for all of them is exact, and not only to first order.
    while len(rows) < BIAS_DRAWS or sum(map(len, rows)) < 3 * int(chosen.sum()):
        rows.append(jacobian_at(program, with_other(theta, names, generator), generator)[:, chosen])
    free = null_space(torch.cat(rows))
    step = torch.zeros(sum(sizes), dtype=torch.float64)
    step[chosen] = free @ (spread * torch.randn(free.shape[1], generator=generator, dtype=torch.float64))
    steps = dict(zip(theta, step.split(sizes), strict=True))
    return {
        name: value + steps[name].reshape(value.shape) if name in names else value
        for name, value in parameters.items()
    }


def _is_vector(slot: Slot) -> bool:
    return slot.entries.shape[1] == 1


def _candidates(logarithm: Tensor, gains: Sequence[Tensor]) -> list[Tensor]:
    """What a slot may be multiplied with, as logarithms: as what writes, as what reads, and behind gains."""
    plain = [logarithm, -logarithm.T]
    behind = [matrix * gain[None] / gain[:, None] for gain in gains for matrix in plain]
    before = [matrix * gain[:, None] / gain[None] for gain in gains for matrix in plain]
    return [*plain, *behind, *before]


def _roles(
    program: Program,
    theta: Mapping[str, Tensor],
    slots: Sequence[Slot],
    gains: Sequence[Tensor],
    logarithm: Tensor,
    generator: torch.Generator,
) -> list[int | None]:
    """For each slot, which candidate keeps the function together with those of the others.

    To first order each is a field on the weights; fields that cancel in the outputs make a symmetry.
    """
    values = {parameter.name: theta[parameter.name] for parameter in program.parameters}
    candidates = _candidates(logarithm, gains)
    fields = torch.stack([_field(values, slot, matrix) for slot in slots for matrix in candidates], dim=1)
    rows: list[Tensor] = []
    while sum(map(len, rows)) < 3 * fields.shape[1]:
        rows.append(jacobian_at(program, values, generator) @ fields)
    effects = torch.cat(rows)
    gram = (effects.T @ effects).numpy()
    # A gain stays as it is where others stand behind it.
    options = [
        [number * len(candidates) + c for c in range(len(candidates))] + ([None] if _is_vector(slot) else [])
        for number, slot in enumerate(slots)
    ]
    for choice in islice(product(*options), _TRIED):
        taken = [index for index in choice if index is not None]
        if not taken:
            continue
        together = gram[taken][:, taken]
        if together.sum() <= _NONE * together.diagonal().max():
            return [None if index is None else index % len(candidates) for index in choice]
    raise SymmetryError(
        f"which of {', '.join(sorted({slot.name for slot in slots}))} write channels and which read them "
        "cannot be told, expected one way that keeps the function; mix a family with fewer parameters"
    )


def _field(values: Mapping[str, Tensor], slot: Slot, matrix: Tensor) -> Tensor:
    """Where a small multiplication moves all parameters, flat."""
    parts = []
    for name, value in values.items():
        part = torch.zeros(value.numel(), dtype=torch.float64)
        if name == slot.name:
            part[slot.entries] = matrix @ value.reshape(-1)[slot.entries]
        parts.append(part)
    return torch.cat(parts)
