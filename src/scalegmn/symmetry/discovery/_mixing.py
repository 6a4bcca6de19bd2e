"""What is not diagonal: channels that may be mixed with each other, found where the Jacobian allows it.

Channels that may be exchanged may sometimes be mixed: where nothing but linear maps reads and writes them (a
bottleneck, the queries and keys of a head) by any invertible matrix, and where a root mean square comes
before the linear maps by any rotation.  Which it is, is decided by linear algebra on the function, not by
rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._nullity import check_size, jacobian_at, null_space, random_parameters, rank
from ._permutation_groups import DirectProduct, PermutationGroup, Wreath
from ._permutations import Permutations
from ._shifts import additive_parameters
from ._symmetries import SymmetryGroup

_DRAWS: Final = 5
"""Of weights."""


@final
class Mixing(Enum):
    """How channels may be mixed."""

    general_linear = "GL"
    """By any invertible matrix."""
    orthogonal = "O"
    """By any rotation or reflection."""
    orthogonal_of_differences = "O of differences"
    """By those that keep ``(1, ..., 1)``: a layer norm takes the mean away."""

    def dimension(self, size: int) -> int:
        """How many dimensions it has beyond the scales of the channels.

        Args:
            size: number of channels.
        """
        if self is Mixing.general_linear:
            return size * size - size
        size = size if self is Mixing.orthogonal else size - 1
        return size * (size - 1) // 2


@final
@dataclass(frozen=True, kw_only=True)
class MixtureFamily:
    """Channels that may be mixed.

    Attributes:
        origin: module that writes them.
        kind: how.
        size: number of channels that are mixed with each other.
        blocks: as many channels each, mixed by a matrix of its own: points ``(channels, points of each)``.
        parameters: what is moved.
        constants: vectors that may be added to what all channels write, and taken from what reads them, since
            the mean over channels is taken away; more dimensions.
    """

    origin: str
    kind: Mixing
    size: int
    blocks: tuple[NDArray[np.int64], ...]
    parameters: tuple[str, ...]
    constants: int = 0

    @property
    def copies(self) -> int:
        """How many blocks there are."""
        return len(self.blocks)

    @property
    def dimension(self) -> int:
        """Dimensions beyond the scales, of all copies."""
        return self.copies * (self.kind.dimension(self.size) + self.constants)

    @property
    def notation(self) -> str:
        """Such as ``GL(4) x 2``."""
        text = {
            Mixing.general_linear: f"GL({self.size})",
            Mixing.orthogonal: f"O({self.size})",
            Mixing.orthogonal_of_differences: f"O({self.size - 1})",
        }[self.kind]
        return text if self.copies == 1 else f"{text} x {self.copies}"


def mixed_families(group: SymmetryGroup, *, generator: torch.Generator) -> tuple[MixtureFamily, ...]:
    """Families of channels that may be mixed, and not only exchanged and scaled.

    Args:
        group: of a small network; the Jacobian of the function is computed.
        generator: of weights and inputs.

    Raises:
        SymmetryError: the network is too large.
    """
    check_size(group.program)
    found = []
    for family in group.permutations.families:
        for blocks in _leaves(family.group):
            leaf = blocks[0]
            slots = list(slots_of(group.permutations, leaf[:3]))
            kind = _kind(group, slots, generator) if slots else None
            if kind is not None:
                names = tuple(dict.fromkeys(slot.name for slot in slots))
                differences = kind is Mixing.orthogonal_of_differences
                found.append(
                    MixtureFamily(
                        origin=family.origin,
                        kind=kind,
                        size=len(leaf),
                        blocks=blocks,
                        parameters=names,
                        constants=_constants(group, leaf, generator) if differences else 0,
                    )
                )
    return tuple(found)


@final
@dataclass(frozen=True, eq=False)
class Slot:
    """Rows of one parameter that belong to channels.

    Attributes:
        name: of the parameter.
        entries: flat indices, ``(channels, entries of each)``.
    """

    name: str
    entries: Tensor


def _leaves(group: PermutationGroup) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Symmetric groups at the ends of the tree, with all blocks that are like them."""
    if isinstance(group, DirectProduct):
        for factor in group.factors:
            yield from _leaves(factor)
    elif isinstance(group, Wreath) and group.inner.is_trivial:
        yield (group.blocks,)
    elif isinstance(group, Wreath):
        column = {point: index for index, point in enumerate(group.blocks[0].tolist())}
        place = np.vectorize(column.__getitem__, otypes=[np.int64])
        for leaves in _leaves(group.inner):
            yield tuple(block[place(leaf)] for block in group.blocks for leaf in leaves)


def slots_of(permutations: Permutations, leaf: NDArray[np.int64]) -> Iterator[Slot]:
    """What channels own, by parameter and by kind of their points.

    Args:
        permutations: of the program.
        leaf: points of channels, ``(channels, points of each)``.
    """
    for column in leaf.T:
        for name, entries in permutations.entries(column):
            yield Slot(name, entries)


def _kind(group: SymmetryGroup, slots: Sequence[Slot], generator: torch.Generator) -> Mixing | None:
    """How the first two or three channels may be mixed, which says how all of them may be."""
    channels = len(slots[0].entries)
    # At weights where a relu is never on there is more, so that the least of several draws counts.
    more = min(_beyond_scales(group, slots, generator) for _ in range(_DRAWS))
    if channels == 2:
        return {2: Mixing.general_linear, 1: Mixing.orthogonal}.get(more)
    return {6: Mixing.general_linear, 3: Mixing.orthogonal, 1: Mixing.orthogonal_of_differences}.get(more)


def _beyond_scales(group: SymmetryGroup, slots: Sequence[Slot], generator: torch.Generator) -> int:
    """Directions at some weights that mix the channels, keep the function, and are no scales."""
    theta = random_parameters(group.program, generator)
    action, scaling = _action(theta, slots)
    rows: list[Tensor] = []
    while sum(map(len, rows)) < 3 * action.shape[1]:
        rows.append(jacobian_at(group.program, theta, generator) @ action)
    conditions = torch.cat(rows)
    return _moving(action, conditions) - _moving(action[:, scaling], conditions[:, scaling])


def _constants(group: SymmetryGroup, leaf: NDArray[np.int64], generator: torch.Generator) -> int:
    """How many vectors may be added to all channels: ``d w[a] = v``, or ``v / g[a]`` behind a gain ``g``.

    Biases are left out, which :func:`~._shifts.shift_families` has.
    """
    additive = set(additive_parameters(group.program))
    slots = [slot for slot in slots_of(group.permutations, leaf) if slot.name not in additive]
    gains = [slot for slot in slots if slot.entries.shape[1] == 1]
    found = []
    for _ in range(_DRAWS):
        theta = random_parameters(group.program, generator)
        # A constant behind a norm's bias is taken back by biases.
        biases = _entries_of(theta, additive)
        fields = torch.cat([biases, torch.stack(list(_constant_fields(theta, slots, gains)), dim=1)], dim=1)
        own = biases.shape[1]
        rows: list[Tensor] = []
        while sum(map(len, rows)) < 3 * fields.shape[1]:
            rows.append(jacobian_at(group.program, theta, generator) @ fields)
        conditions = torch.cat(rows)
        found.append(_moving(fields, conditions) - _moving(fields[:, :own], conditions[:, :own]))
    return min(found)


def _entries_of(theta: Mapping[str, Tensor], names: Collection[str]) -> Tensor:
    """One column for every entry of some parameters, which is 1 there."""
    starts, total = _starts(theta)
    places = [starts[name] + torch.arange(theta[name].numel()) for name in theta if name in names]
    chosen = torch.cat(places) if places else torch.zeros(0, dtype=torch.int64)
    return torch.eye(total, dtype=torch.float64)[:, chosen]


def _constant_fields(
    theta: Mapping[str, Tensor], slots: Sequence[Slot], gains: Sequence[Slot]
) -> Iterator[Tensor]:
    starts, total = _starts(theta)
    ones = torch.ones(len(slots[0].entries), dtype=torch.float64)
    for slot in slots:
        factors = [ones, *(1 / theta[gain.name].reshape(-1)[gain.entries[:, 0]] for gain in gains)]
        for place in slot.entries.T:
            for factor in factors:
                column = torch.zeros(total, dtype=torch.float64)
                column[starts[slot.name] + place] = factor
                yield column


def _starts(theta: Mapping[str, Tensor]) -> tuple[dict[str, int], int]:
    """Where each parameter begins in a vector of all, and the length of it."""
    starts, total = {}, 0
    for name, value in theta.items():
        starts[name] = total
        total += value.numel()
    return starts, total


def _action(theta: Mapping[str, Tensor], slots: Sequence[Slot]) -> tuple[Tensor, Tensor]:
    """Where mixing two channels in one parameter moves the parameters: ``d w[a] = w[b]``.

    Returns:
        ``(parameters, unknowns)``, and which unknowns scale a channel.
    """
    starts, total = _starts(theta)
    columns, scaling = [], []
    for slot in slots:
        own = theta[slot.name].reshape(-1)
        for a in range(len(slot.entries)):
            for b in range(len(slot.entries)):
                column = torch.zeros(total, dtype=torch.float64)
                column[starts[slot.name] + slot.entries[a]] = own[slot.entries[b]]
                columns.append(column)
                scaling.append(a == b)
    return torch.stack(columns, dim=1), torch.tensor(scaling)


def _moving(action: Tensor, conditions: Tensor) -> int:
    """How many dimensions of weights the unknowns move that meet the conditions."""
    # By the size of the actions: combinations may cancel, and leave rounding.
    return rank(action @ null_space(conditions), size=float(action.norm()))
