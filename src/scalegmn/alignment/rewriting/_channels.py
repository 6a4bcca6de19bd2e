"""The channels of a program that change places with each other, and that more can be added to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.alignment import program_in
from scalegmn.errors import ArchitectureError, ScaleGMNError
from scalegmn.networks import Architecture
from scalegmn.programs import Program, ProgramArchitecture, at_widths
from scalegmn.seeding import generator
from scalegmn.symmetry import group_of_program
from scalegmn.symmetry.discovery import PermutationFamily, random_parameters

from ._addable import AddableNeurons, NeuronPlace
from ._checking import change_of_function
from ._neurons import normal_like

_KEPT: Final = 1e-9
"""Relative change of answers in float64 up to which a function counts as the same."""


@final
@dataclass(frozen=True, kw_only=True)
class ChannelAxis:
    """Where the channels stand in one parameter.

    Attributes:
        name: of the parameter.
        axis: along which they stand.
        each: places of every channel along it, side by side: 49 where maps of 7 x 7 are flattened.
        positive: whether the parameter is positive whatever the file holds.
    """

    name: str
    axis: int
    each: int
    positive: bool

    @property
    def leaves(self) -> bool:
        """Whether it is what the channels are multiplied by when they are read, and added up."""
        return self.axis == 1

    def rows(self, value: Tensor) -> Tensor:
        """The entries of each channel, ``(n, each, ...)``."""
        return value.movedim(self.axis, 0).unflatten(0, (-1, self.each))

    def put(self, rows: Tensor) -> Tensor:
        """The parameter with these entries."""
        return rows.flatten(0, 1).movedim(0, self.axis)


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ProgramChannels(AddableNeurons):
    """n channels of a program.

    Attributes:
        architecture: the program that they are from.
        state: its parameters by name.
        axes: where they stand.
        entering: what makes them, of each of the axes that do, ``(n, each, ...)``.
        outgoing: of the other axes, one behind another, ``(n, numbers)``.
    """

    architecture: ProgramArchitecture
    state: Mapping[str, Tensor]
    axes: tuple[ChannelAxis, ...]
    entering: tuple[Tensor, ...]
    outgoing: Tensor

    @classmethod
    def of(
        cls, architecture: ProgramArchitecture, theta: Tensor, *, axes: tuple[ChannelAxis, ...]
    ) -> ProgramChannels:
        """Read the channels along these axes from a network.

        Args:
            architecture: of the network.
            theta: its parameters, ``(P,)``.
            axes: where they stand.
        """
        state = architecture.unflatten(theta.detach().double().cpu())
        rows = [(axis, axis.rows(state[axis.name])) for axis in axes]
        return cls(
            architecture=architecture,
            state=state,
            axes=axes,
            entering=tuple(row for axis, row in rows if not axis.leaves),
            outgoing=torch.cat([row.flatten(1) for axis, row in rows if axis.leaves], dim=1),
        )

    def __len__(self) -> int:
        return len(self.outgoing)

    @property
    def numbers(self) -> int:
        return self.outgoing.shape[1] + sum(rows[0].numel() for rows in self.entering)

    def taken(self, numbers: Tensor) -> ProgramChannels:
        return dataclasses.replace(
            self,
            entering=tuple(rows[numbers] for rows in self.entering),
            outgoing=self.outgoing[numbers],
        )

    def joined(self, others: ProgramChannels) -> ProgramChannels:
        pairs = zip(self.entering, others.entering, strict=True)
        return dataclasses.replace(
            self,
            entering=tuple(torch.cat(pair) for pair in pairs),
            outgoing=torch.cat([self.outgoing, others.outgoing]),
        )

    def reading(self, outgoing: Tensor) -> ProgramChannels:
        return dataclasses.replace(self, outgoing=outgoing)

    def moved(self, *, generator: torch.Generator, spread: float) -> ProgramChannels:
        """Return them unchanged: the program's group moves all channels at once, not those of one place."""
        return self

    def drawn(self, count: int, *, generator: torch.Generator) -> ProgramChannels:
        like = self.taken(torch.randint(len(self), (count,), generator=generator))
        makers = [axis for axis in self.axes if not axis.leaves]
        return dataclasses.replace(
            like,
            entering=tuple(
                taken if axis.positive else normal_like(rows, count, generator=generator)
                for axis, rows, taken in zip(makers, self.entering, like.entering, strict=True)
            ),
            outgoing=normal_like(self.outgoing, count, generator=generator),
        )

    def written(self) -> tuple[ProgramArchitecture, Tensor]:
        """Write the channels into a network; see :meth:`AddableNeurons.written`.

        Raises:
            ProgramError: the program is not known at this width.
        """
        state, entering, start = dict(self.state), iter(self.entering), 0
        for axis in self.axes:
            if not axis.leaves:
                state[axis.name] = axis.put(next(entering))
                continue
            shape = axis.rows(self.state[axis.name]).shape[1:]
            stop = start + math.prod(shape)
            state[axis.name] = axis.put(self.outgoing[:, start:stop].unflatten(1, shape))
            start = stop
        shapes = {name: tuple(value.shape) for name, value in state.items()}
        wider = ProgramArchitecture(at_widths(self.architecture.program, shapes))
        return wider, wider.flatten(state)


@final
@dataclass(frozen=True)
class ProgramPlace(NeuronPlace):
    """Channels of a program that change places with each other.

    Attributes:
        axes: where they stand.
    """

    axes: tuple[ChannelAxis, ...]

    def neurons(self, architecture: Architecture, theta: Tensor) -> ProgramChannels:
        program = program_in(architecture)
        if program is None:
            raise ArchitectureError(f"{architecture.describe()} has no channels, expected a program")
        return ProgramChannels.of(ProgramArchitecture(program), theta, axes=self.axes)


@lru_cache(maxsize=64)
def channel_places(architecture: ProgramArchitecture) -> tuple[ProgramPlace, ...]:
    """Where channels can be added, each tried on the function with random parameters.

    They may all change places, stand along the first axis of what makes them and along the second of what
    reads them, and nowhere twice; and more of them that are read with weights 0 change nothing, as they would
    where a norm looks at all channels.
    """
    permutations = group_of_program(architecture).permutations
    tags = {(name, part.axes): part.tags for name, parts in permutations.tags() for part in parts}
    found = (_axes(architecture.program, family, tags) for family in permutations.families)
    places = (ProgramPlace(axes) for axes in found if axes is not None)
    return tuple(place for place in places if _keeps_function(architecture, place))


def _axes(
    program: Program, family: PermutationFamily, tags: Mapping[tuple[str, tuple[int, ...]], NDArray[np.int64]]
) -> tuple[ChannelAxis, ...] | None:
    """Where the channels of a family stand; None where more of them cannot be written down."""
    if not math.isclose(family.group.log_order, math.lgamma(family.size + 1)):
        return None
    positive = {one.name for one in program.parameters if one.positive}
    order: list[int] = []
    found = []
    for name, axes in family.parameters:
        channels = _channels_along(tags.get((name, axes)), family.blocks)
        each, left = divmod(len(channels), family.size)
        if not each or left or channels != [one for one in channels[::each] for _ in range(each)]:
            return None
        order = order or channels[::each]
        if order != channels[::each]:
            return None
        found.append(ChannelAxis(name=name, axis=axes[0], each=each, positive=name in positive))
    makes = any(one.axis == 0 for one in found)
    reads = any(one.leaves for one in found)
    return tuple(found) if makes and reads and all(one.axis < 2 for one in found) else None


def _channels_along(tags: NDArray[np.int64] | None, blocks: NDArray[np.int64]) -> list[int]:
    """The channel at every place of an axis, ``(places, tags)``; none where it is not one each."""
    if tags is None:
        return []
    number = {int(point): channel for channel, block in enumerate(blocks) for point in block}
    each = [{number[tag] for tag in place if tag in number} for place in tags.tolist()]
    return [channel for (channel,) in each] if all(len(one) == 1 for one in each) else []


def _keeps_function(architecture: ProgramArchitecture, place: ProgramPlace) -> bool:
    random = generator(0, "rewriting", "places")
    theta = architecture.flatten(random_parameters(architecture.program, random))
    channels = place.neurons(architecture, theta)
    added = channels.drawn(1, generator=random)
    try:
        wider = channels.joined(added.reading(torch.zeros_like(added.outgoing))).written()
        # Not "change > ...", which would let NaN pass.
        return change_of_function((architecture, theta), wider) <= _KEPT
    except ScaleGMNError:
        return False
