"""What is not diagonal: numbers that may be added to some biases if they are taken from others.

The bias before a batch norm against its running mean, two biases that add up, a layer norm's bias against the
next one, the bias of keys, which softmax does not see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.programs import Argument, Operand, Program

from ._nullity import check_size, jacobian_at, null_space, random_parameters, rank

_DRAWS: Final = 5
BIAS_DRAWS: Final = 6
"""Of biases at the same weights."""
_VIEWS: Final = frozenset(
    f"aten.{name}"
    for name in (
        "view.default",
        "reshape.default",
        "unsqueeze.default",
        "squeeze.dims",
        "permute.default",
        "expand.default",
        "slice.Tensor",
        "select.int",
        "embedding.default",
    )
)
_ADDED: Final[Mapping[str, tuple[int, ...]]] = {
    "aten.add.Tensor": (0, 1),
    "aten.sub.Tensor": (0, 1),
    "aten.addmm.default": (0,),
    "aten.baddbmm.default": (0,),
    "aten.convolution.default": (2,),
    "aten.native_layer_norm.default": (3,),
    "aten.native_group_norm.default": (2,),
}
"""Which arguments of an operation are added to what it computes."""


@final
@dataclass(frozen=True, kw_only=True)
class ShiftFamily:
    """Numbers that may be moved from one bias to another.

    Attributes:
        parameters: one that may be shifted by itself, or two that take from each other.
        dimension: how many numbers.
    """

    parameters: tuple[str, ...]
    dimension: int


def shift_families(program: Program, *, generator: torch.Generator) -> tuple[ShiftFamily, ...]:
    """All shifts of parameters that are only ever added, by the parameters that they move.

    Args:
        program: a small network; the Jacobian of its function is computed.
        generator: of weights and inputs.
    """
    check_size(program)
    names = additive_parameters(program)
    drawn = [_independent(program, names, generator) for _ in range(_DRAWS)] if names else []
    # At weights where a relu is never on there is more, so that the least of several draws counts.
    least = min(drawn, key=lambda found: sum(found.values()), default={})
    return tuple(ShiftFamily(parameters=key, dimension=number) for key, number in least.items() if number)


def additive_parameters(program: Program) -> tuple[str, ...]:
    """Parameters that are only ever added to something, maybe after they were rearranged."""
    first = len(program.inputs)
    sources = {first + index: index for index in range(len(program.parameters))}
    spoiled: set[int] = set()
    added: set[int] = set()
    place = first + len(program.parameters) + len(program.constants)
    for instruction in program.instructions:
        for position, argument in enumerate(instruction.arguments):
            for operand in _operands(argument):
                source = sources.get(operand.index)
                if source is None:
                    continue
                if instruction.operation in _VIEWS and position == 0:
                    sources[place] = source
                elif position in _ADDED.get(instruction.operation, ()):
                    added.add(source)
                else:
                    spoiled.add(source)
        place += len(instruction.outputs)
    return tuple(p.name for index, p in enumerate(program.parameters) if index in added - spoiled)


def _independent(
    program: Program, names: Sequence[str], generator: torch.Generator
) -> dict[tuple[str, ...], int]:
    """For every parameter, every two, and all: directions in which they move, beyond those before."""
    theta = random_parameters(program, generator)
    sizes = {name: value.numel() for name, value in theta.items()}
    starts = dict(zip(sizes, torch.tensor([0, *sizes.values()]).cumsum(0).tolist(), strict=False))
    rows: list[Tensor] = []
    # At other biases as well: a direction for all of them is exact, and not only to first order.
    while len(rows) < BIAS_DRAWS or sum(map(len, rows)) < 3 * sum(sizes[name] for name in names):
        rows.append(jacobian_at(program, with_other(theta, names, generator), generator))
    jacobian = torch.cat(rows)
    columns = {name: torch.arange(starts[name], starts[name] + sizes[name]) for name in names}
    before = torch.zeros(jacobian.shape[1], 0, dtype=torch.float64)
    found: dict[tuple[str, ...], int] = {}
    for key in [*((name,) for name in names), *combinations(names, 2), tuple(names)]:
        if key in found:
            continue
        own = torch.cat([columns[name] for name in key])
        directions = torch.zeros(jacobian.shape[1], len(own), dtype=torch.float64)
        kept = null_space(jacobian[:, own])
        directions = directions[:, : kept.shape[1]].index_copy(0, own, kept)
        together = torch.cat([before, directions], dim=1)
        found[key] = rank(together) - rank(before)
        before = together
    return found


def with_other(
    theta: Mapping[str, Tensor], names: Sequence[str], generator: torch.Generator
) -> dict[str, Tensor]:
    """The same parameters, but for random ones of some names."""
    drawn = {name: torch.randn(theta[name].shape, generator=generator, dtype=torch.float64) for name in names}
    return {**theta, **drawn}


def _operands(argument: Argument) -> list[Operand]:
    if isinstance(argument, Operand):
        return [argument]
    if isinstance(argument, tuple):
        return [operand for part in argument for operand in _operands(part)]
    return []
