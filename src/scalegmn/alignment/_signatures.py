r"""What tells the channels of a network apart, whatever their places and signs are.

A channel is described by the weights that enter and leave it, each seen together with what is known of the
channel at its other end; a few rounds of this are the refinement of colors on a graph with real weights:

.. math::

    x_c \leftarrow
    \operatorname{norm}\Big(\sum_{e \ni c} |w_e| \, \rho_e \prod_{c' \in e,\, c' \neq c} x_{c'}\Big)

with fixed random factors for inputs, outputs and the taps of kernels, which keep their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import ExponentRows, Permutations, TaggedAxes

_FEATURES: Final = 12
_ROUNDS: Final = 3


@final
class Signatures:
    """Signatures of the channels of any network of one architecture.

    Args:
        permutations: of the architecture.
        signs: of the architecture; entries that none of them flips keep theirs.

    Law: the signature of a channel moves with it under permutations, and is invariant to signs; of
    representatives under scales it is invariant to scales, too.
    """

    def __init__(self, permutations: Permutations, *, signs: ExponentRows) -> None:
        flips = np.asarray(signs.matrix.astype(bool).sum(axis=1)).reshape(-1)
        self._unsigned: Final = {
            name: bool((value > 0).any()) for name, value in signs.expand(flips.astype(np.float64)).items()
        }
        self._plans: Final = [_TaggedParameter(name, parts) for name, parts in permutations.tags() if parts]
        self._count: Final = permutations.count

    def of(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """Signatures of all channels.

        Args:
            parameters: of a network, float64.

        Returns:
            ``(points, features)``, by the numbers that the group has for them.
        """
        sized = {
            plan.name: _sized(parameters[plan.name], unsigned=self._unsigned.get(plan.name, False))
            for plan in self._plans
        }
        x = torch.ones(self._count, _FEATURES, dtype=torch.float64)
        rounds = []
        for _ in range(_ROUNDS):
            received = torch.zeros_like(x)
            for plan in self._plans:
                plan.send(sized[plan.name], x, received=received)
            rounds.append(received)
            # Of one size for all channels, so that no round outweighs the others.
            x = 1 + received / (received.abs().mean(dim=0, keepdim=True) + 1e-300)
        return torch.cat(rounds, dim=1)


def _sized(value: Tensor, *, unsigned: bool) -> Tensor:
    value = value.abs() if unsigned else value
    size = value.square().mean().sqrt()
    return value / size if size > 0 else value


@final
class _TaggedParameter:
    """The channels of one parameter."""

    def __init__(self, name: str, parts: Sequence[TaggedAxes]) -> None:
        self.name: Final = name
        self._axes: Final = [part.axes for part in parts]
        self._tags: Final = [torch.from_numpy(part.tags) for part in parts]
        self._labels: Final = [self._labels_of(tags) for tags in self._tags]
        numbers = generator(0, "signatures", name)
        self._mixing: Final = [
            [torch.randn(_FEATURES, generator=numbers, dtype=torch.float64) for _ in range(tags.shape[1])]
            for tags in self._tags
        ]

    def _labels_of(self, tags: Tensor) -> Tensor:
        """Random features of tags that never move, ``(rows, tags, features)``."""
        different, places = torch.unique(tags.clamp(max=-1), return_inverse=True)
        numbers = torch.stack(
            [torch.rand(_FEATURES, generator=generator(int(-tag)), dtype=torch.float64) for tag in different]
        )
        return 0.5 + numbers[places]

    def send(self, value: Tensor, x: Tensor, *, received: Tensor) -> None:
        """Add what the entries of the parameter tell their channels."""
        lead = [axis for axes in self._axes for axis in axes]
        rest = [axis for axis in range(value.dim()) if axis not in lead]
        sizes = [len(tags) for tags in self._tags]
        table = value.permute(*lead, *rest).reshape(*sizes, -1)
        taps = 0.5 + torch.rand(
            table.shape[-1], _FEATURES, generator=generator(0, "taps", self.name), dtype=torch.float64
        )
        features = [self._features(part, x) for part in range(len(sizes))]
        for part, tags in enumerate(self._tags):
            told = _contracted(table, taps, features, kept=part)
            for column in range(tags.shape[1]):
                moving = tags[:, column] >= 0
                others = self._features(part, x, without=column)
                message = told * others * self._mixing[part][column]
                received.index_add_(0, tags[moving, column], message[moving])

    def _features(self, part: int, x: Tensor, *, without: int | None = None) -> Tensor:
        """Products of the features of the tags of each row, ``(rows, features)``."""
        tags = self._tags[part]
        known = torch.where((tags >= 0)[..., None], x[tags.clamp(min=0)], self._labels[part])
        if without is not None:
            known = torch.cat([known[:, :without], known[:, without + 1 :]], dim=1)
        return known.prod(dim=1)


def _contracted(table: Tensor, taps: Tensor, features: Sequence[Tensor], *, kept: int) -> Tensor:
    """Sums over all but one group of axes, weighted with features, ``(rows, features)``."""
    others = [number for number in range(len(features)) if number != kept]
    rows = table.movedim(kept, 0)
    if len(others) < 2:
        weights = taps if not others else (features[others[0]][:, None] * taps).flatten(0, 1)
        return rows.reshape(len(rows), -1) @ weights
    found = []
    for feature in range(taps.shape[1]):
        total = rows @ taps[:, feature]
        for number in reversed(others):
            total = total @ features[number][:, feature]
        found.append(total)
    return torch.stack(found, dim=1)
