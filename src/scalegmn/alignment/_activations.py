"""Channels that are alike because they answer alike to the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program, watch_program
from scalegmn.symmetry.discovery import Gains, Permutations

from ._channels import MatchedChannels

_CHUNK: Final = 100
"""Batches that are run at once."""
_CONSTANT: Final = 1e-12
"""Channels whose values deviate by less, relative to their size, answer nothing."""


@final
class Activations:
    r"""How alike the channels of two networks answer.

    .. math::

        G_{ij} = \sum_v \operatorname{corr}\big(v_i(x), v'_j(x)\big)

    over all values v of the program of which both are channels, examples and places x taken together;
    correlations by their size where channels may change their sign.

    Args:
        program: of the networks.
        permutations: of its group.

    Source: Li et al., "Convergent Learning", 2015; Ainsworth et al., "Git Re-Basin", 2023, section 3.1.

    Law: invariant to positive scales of either network; its rows and columns move with the channels.
    """

    def __init__(self, program: Program, permutations: Permutations) -> None:
        self._program: Final = program
        self._channels: Final = tuple(permutations.channels(program))

    def answers(self, parameters: Mapping[str, Tensor], examples: Tensor) -> dict[int, Tensor]:
        """Standardized values of the channels of each value, ``(channels, answers)``, by its index.

        Args:
            parameters: of a network.
            examples: in batches as the program reads them, ``(batches, *input)``.

        Raises:
            SymmetryError: the program reads several things.
        """
        if len(self._program.inputs) != 1:
            raise SymmetryError(
                f"the network reads {len(self._program.inputs)} inputs, expected one, to be matched by what "
                "it answers; match it by its weights"
            )
        types = self._program.types()
        nudges = {one.value: torch.zeros(types[one.value].shape) for one in self._channels}
        given = {name: value.float() for name, value in parameters.items()}

        def watched(batch: Tensor) -> dict[int, Tensor]:
            return watch_program(self._program, given, [batch], nudges=nudges)[1]

        with torch.no_grad():
            seen = torch.func.vmap(watched, chunk_size=_CHUNK)(examples)
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
            total = np.zeros((len(points), len(points)))
            for one in self._channels:
                place = {point: number for number, point in enumerate(one.points.tolist())}
                if all(point in place for point in points.tolist()):
                    rows = [place[point] for point in points.tolist()]
                    found = reference[one.value][rows] @ other[one.value][rows].T
                    total += (found.abs() if signed else found).numpy()
            matrices[int(points[0])] = total
        return family.gains(matrices)


def _standardized(values: Tensor) -> Tensor:
    """Rows of mean 0 and length 1; channels that answer the same to everything become 0."""
    centered = values - values.mean(dim=1, keepdim=True)
    length = centered.norm(dim=1, keepdim=True)
    still = length <= _CONSTANT * values.norm(dim=1, keepdim=True)
    return torch.where(still, 0.0, centered / torch.where(still, 1.0, length))
