"""Channels that are alike because they answer alike to the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.programs import watch_program
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import (
    ExponentRows,
    Gains,
    GroupElement,
    Moves,
    SymmetryGroup,
    random_parameters,
)

from ._batches import in_batches
from ._channels import MatchedChannels

_CHUNK: Final = 100
"""Batches that are run at once."""
_TRIED: Final = 8
"""Examples at which it is tried which values a flip changes."""
_DRAWS: Final = 4
"""Random flips that are tried."""
_OPPOSITE: Final = 0.5
"""A correlation below minus this means that a value has changed its sign."""
_CONSTANT: Final = 1e-12
"""Channels whose values deviate by less, relative to their size, answer nothing."""


@final
class Activations:
    r"""How alike the channels of two networks answer.

    .. math::

        G_{ij} = \sum_v \operatorname{corr}\big(v_i(x), v'_j(x)\big)

    over all values v of the program of which both are channels, examples and places x taken together.  Where
    channels may change their sign, values that do not change with it count alone, such as those behind a gain
    that changes its own; where all change, the sum counts by its size.

    Args:
        group: of the program of the networks.

    Source: Li et al., "Convergent Learning", 2015; Ainsworth et al., "Git Re-Basin", 2023, section 3.1.

    Law: invariant to positive scales of either network; its rows and columns move with the channels.
    """

    def __init__(self, group: SymmetryGroup) -> None:
        self._group: Final = group
        self._signs: Final = ExponentRows(group.signs)
        self._known: Final[dict[tuple[int, ...], frozenset[int]]] = {}
        self.program: Final = group.program
        self._channels: Final = tuple(group.permutations.channels(group.program))

    def answers(self, parameters: Mapping[str, Tensor], examples: Tensor) -> dict[int, Tensor]:
        """Standardized values of the channels of each value, ``(channels, answers)``, by its index.

        Args:
            parameters: of a network.
            examples: ``(n, *features)``.

        Raises:
            SymmetryError: the program reads several things, or other examples.
        """
        batches = in_batches(self.program, examples)
        types = self.program.types()
        nudges = {one.value: torch.zeros(types[one.value].shape) for one in self._channels}
        given = {name: value.float() for name, value in parameters.items()}

        def watched(batch: Tensor) -> dict[int, Tensor]:
            return watch_program(self.program, given, [batch], nudges=nudges)[1]

        with torch.no_grad():
            seen = torch.func.vmap(watched, chunk_size=_CHUNK)(batches)
        found = {}
        for one in self._channels:
            value = seen[one.value].double().movedim(1 + one.axis, 0)
            found[one.value] = _standardized(value.reshape(len(value), -1))
        return found

    def gains(
        self,
        family: MatchedChannels,
        reference: Mapping[int, Tensor],
        other: Mapping[int, Tensor],
        *,
        signed: bool,
    ) -> Gains:
        """Sums of correlations of the channels of a family.

        Args:
            family: of channels.
            reference: answers of the network that stays.
            other: answers of the network that is moved.
            signed: whether channels may change their sign.
        """
        matrices: dict[int, NDArray[np.float64]] = {}
        for points in family.points():
            still, turning = (np.zeros((len(points), len(points))) for _ in range(2))
            for one in self._channels:
                place = {point: number for number, point in enumerate(one.points.tolist())}
                if all(point in place for point in points.tolist()):
                    rows = [place[point] for point in points.tolist()]
                    found = (reference[one.value][rows] @ other[one.value][rows].T).numpy()
                    if signed and one.value in self._turning:
                        turning += found
                    else:
                        still += found
            matrices[int(points[0])] = still if still.any() else np.abs(turning)
        return family.gains(matrices)

    def flips(
        self,
        family: MatchedChannels,
        moves: Moves,
        reference: Mapping[int, Tensor],
        other: Mapping[int, Tensor],
    ) -> tuple[list[int], list[int]]:
        """Free flips with which channels answer alike at their new places.

        Args:
            family: of channels.
            moves: where they go.
            reference: answers of the network that stays.
            other: answers of the network that is moved, before the moves.

        Returns:
            The flips, and all neurons that were decided.
        """
        found: list[int] = []
        judged: list[int] = []
        for points, patterns in family.patterns():
            source = {moves.get(point, point): point for point in points.tolist()}
            turned: dict[int, NDArray[np.float64]] = {}
            for columns in patterns:
                votes = np.zeros(len(points))
                turning = self._turning_with(tuple(columns.tolist()))
                for one in self._channels:
                    place = {point: number for number, point in enumerate(one.points.tolist())}
                    if one.value in turning and all(point in place for point in source):
                        rows = [place[point] for point in points.tolist()]
                        sources = [place[source[point]] for point in points.tolist()]
                        alike = (reference[one.value][rows] * other[one.value][sources]).sum(dim=1)
                        votes += alike.numpy() * turned.get(one.value, 1.0)
                if not votes.any():
                    continue
                judged += columns.tolist()
                found += columns[votes < 0].tolist()
                for value in turning:
                    turned[value] = turned.get(value, 1.0) * np.where(votes < 0, -1.0, 1.0)
        return found, judged

    @cached_property
    def _turning(self) -> frozenset[int]:
        """Values that change their sign under some flips, found by trying."""
        elements = (self._group.random(generator(0, "turning", draw), spread=0.0) for draw in range(_DRAWS))
        return frozenset().union(*(self._turned_by(element) for element in elements))

    def _turning_with(self, columns: tuple[int, ...]) -> frozenset[int]:
        """Values that change their sign where these free flips are made."""
        if columns not in self._known:
            coordinates = np.zeros(self._signs.matrix.shape[1])
            coordinates[list(columns)] = 1
            signs = 1.0 - 2.0 * np.mod(np.rint(self._signs.matrix @ coordinates), 2)
            self._known[columns] = self._turned_by(GroupElement(factors=self._signs.expand(signs)))
        return self._known[columns]

    def _turned_by(self, element: GroupElement) -> frozenset[int]:
        parameters, examples, before = self._trial
        after = self.answers(GroupElement(factors=element.factors).apply(parameters), examples)
        return frozenset(
            one.value
            for one in self._channels
            if bool(((before[one.value] * after[one.value]).sum(dim=1) < -_OPPOSITE).any())
        )

    @cached_property
    def _trial(self) -> tuple[Mapping[str, Tensor], Tensor, dict[int, Tensor]]:
        """A random network, examples, and its answers."""
        numbers = generator(0, "turning")
        parameters = random_parameters(self.program, numbers)
        examples = torch.randn(_TRIED, *self.program.inputs[0].type.shape[1:], generator=numbers)
        return parameters, examples, self.answers(parameters, examples)


def _standardized(values: Tensor) -> Tensor:
    """Rows of mean 0 and length 1; channels that answer the same to everything become 0."""
    centered = values - values.mean(dim=1, keepdim=True)
    length = centered.norm(dim=1, keepdim=True)
    still = length <= _CONSTANT * values.norm(dim=1, keepdim=True)
    return torch.where(still, 0.0, centered / torch.where(still, 1.0, length))
