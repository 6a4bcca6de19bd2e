"""The maps that the last hidden convolution of a network makes, and how large they are on images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from scalegmn.alignment import program_of
from scalegmn.errors import ConfigurationError
from scalegmn.networks import Architecture
from scalegmn.programs import Program, watch_program
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.trojans.repair.defenses._clean_images import CleanImages

# Images that are run at once.
_BLOCK = 256


@final
@dataclass(frozen=True)
class LastMaps:
    """A value of a program: maps behind norms, sums and activations.

    Attributes:
        program: of the network.
        value: index of the maps, ``(n, C, ...)``, in the program.
        kernels: names of the convolutions that are summed there, the last one among them.
    """

    program: Program
    value: int
    kernels: frozenset[str]

    def channels(self, architecture: Architecture) -> Tensor:
        """The channels of each map, ``(C, k)``: one of every convolution that is summed there."""
        channels = channels_of(architecture)
        numbers = [number for number, one in enumerate(channels.weights) if one.name in self.kernels]
        return torch.stack([torch.nonzero(channels.layer == n).flatten() for n in numbers], dim=1)


@lru_cache(maxsize=256)
def last_maps(architecture: Architecture, shape: tuple[int, ...]) -> LastMaps:
    """The maps of the last hidden convolution.

    Args:
        architecture: of the network.
        shape: of an image, ``(C, H, W)``.

    Raises:
        ConfigurationError: there is none.
        ArchitectureError: networks do not take such images.
    """
    program = program_of(architecture, shape=shape).program
    made = _convolved(program)
    shown = {operand.index for operand in program.outputs}
    names = {one.name for one in channels_of(architecture).weights}
    hidden = [name for name in _kernels_of(program) if name in names]
    ends = {name: max((index for index, own in made.items() if name in own), default=-1) for name in hidden}
    found = [(index, name) for name, index in ends.items() if index >= 0 and index not in shown]
    if not found:
        raise ConfigurationError(
            f"{architecture.describe()} has no hidden convolution, and fine-pruning takes out channels of one"
        )
    value = max(found)[0]
    return LastMaps(program, value, frozenset(name for index, name in found if index == value))


def _kernels_of(program: Program) -> list[str]:
    return [one.name for one in program.parameters if len(one.type.shape) > 2]


def _convolved(program: Program) -> dict[int, frozenset[str]]:
    """For each value of maps the convolutions that it is made of by norms, sums and functions of entries."""
    types, first = program.types(), len(program.inputs)
    asked, matrices = set(range(first)), {}
    for place, one in enumerate(program.parameters):
        if len(one.type.shape) > 1:
            matrices[first + place] = one.name
    made: dict[int, frozenset[str]] = {}
    index = first + len(program.parameters) + len(program.constants)
    for instruction in program.instructions:
        read = {operand.index for operand in instruction.operands()}
        written, index = index, index + len(instruction.outputs)
        own = [matrices[value] for value in sorted(read & matrices.keys())]
        if not read & asked:
            if own:
                matrices[written] = own[0]
            continue
        asked.update(range(written, index))
        alike = [made[value] for value in read & made.keys() if types[value].shape == types[written].shape]
        if own:
            made[written] = frozenset(own)
        elif alike:
            made[written] = frozenset().union(*alike)
    return made


@torch.no_grad()
def mean_activation(architecture: Architecture, theta: Tensor, images: CleanImages) -> Tensor:
    """Mean of ``|activation|`` over images and places for each map of the last convolution, ``(B, C)``."""
    maps = last_maps(architecture, tuple(images.inputs.shape[1:]))
    size = maps.program.inputs[0].type.shape[0]
    nudge = torch.zeros(maps.program.types()[maps.value].shape, device=theta.device)

    def own(state: dict[str, Tensor], batch: Tensor) -> Tensor:
        seen = watch_program(maps.program, state, [batch], nudges={maps.value: nudge})[1][maps.value]
        return seen.abs().transpose(0, 1).flatten(1).mean(dim=1)

    every = torch.func.vmap(torch.func.vmap(own, in_dims=(None, 0)), in_dims=(0, None))
    state, count = architecture.unflatten(theta), len(images) // size * size
    batches = images.inputs[:count].unflatten(0, (-1, size))
    total: Tensor = sum(every(state, block).sum(dim=1) for block in batches.split(_BLOCK))  # type: ignore[assignment]
    return total / len(batches)
