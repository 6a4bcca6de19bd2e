r"""Statistics of the channels of an averaged network, brought back to what they are in its parents.

Channels of an average vary less than those of its parents, since what the parents do not share cancels; layer
after layer the signal fades.  So each channel of a batch norm, and of a linear map that no norm follows, gets
the mean and the deviation that its parents have on average:

.. math::

    v \leftarrow \frac{\bar\sigma}{\sigma} (v - \mu) + \bar\mu

by its running mean and variance, or by the weight and the bias.  Channels without a bias are only scaled.

Source: Jordan et al., "REPAIR: REnormalizing Permuted Activations for Interpolation Repair", ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.programs import Program, run_examples
from scalegmn.shapes import Parameters

from ._batches import in_batches
from ._norms import places_of
from ._programs import program_of

_STILL: Final = 1e-6
"""Channels that deviate by less, relative to their parents, are dead and stay so."""

State = Mapping[str, Tensor]
Statistics = tuple[Tensor, Tensor]
Touch = Callable[[int, Tensor], Tensor]


@final
class Restorer:
    """Restores statistics of networks of one architecture.

    Args:
        architecture: of the networks.
        examples: real ones, ``(n, *features)``; some hundreds are enough.

    Raises:
        SymmetryError: examples of another shape, or a network that reads several things.
    """

    def __init__(self, architecture: Architecture, examples: Tensor) -> None:
        self._architecture: Final = architecture
        self._program: Final[Program] = _program(architecture, tuple(examples.shape[1:]))
        self._batches: Final = in_batches(self._program, examples)
        self._places: Final = places_of(self._program)

    @property
    def count(self) -> int:
        """How many norms and linear maps there are to restore."""
        return len(self._places)

    def parent(self, theta: Parameters) -> dict[int, Statistics]:
        """Means and deviations of the channels of a parent, by the index of a value, for :meth:`restored`.

        Args:
            theta: parameters of a parent, ``(P,)``.
        """
        axes = {place.value: place.axis for place in self._places}
        found: dict[int, Statistics] = {}

        def touch(index: int, value: Tensor) -> Tensor:
            if index in axes:
                found[index] = _statistics(value, axes[index])
            return value

        self._run(self._architecture.unflatten(theta), touch)
        return found

    def restored(
        self, theta: Parameters, *, parents: Sequence[Mapping[int, Statistics]], weights: Sequence[float]
    ) -> Parameters:
        """The network with statistics as its parents have them.

        Args:
            theta: parameters of the average of the parents, ``(P,)``.
            parents: what :meth:`parent` says of each.
            weights: of the parents, which sum to 1.

        Returns:
            Parameters, ``(P,)``; as they were where there is nothing to restore.
        """
        state = dict(self._architecture.unflatten(theta))
        places = {place.value: place for place in self._places}

        def touch(index: int, value: Tensor) -> Tensor:
            if index not in places:
                return value
            wanted = tuple(
                torch.stack([weight * one[index][part] for weight, one in zip(weights, parents, strict=True)])
                for part in (0, 1)
            )
            change = _change(_statistics(value, places[index].axis), (wanted[0].sum(0), wanted[1].sum(0)))
            factors, shifts = places[index].absorb(state, *change)
            beside = [-1 if axis == 1 + places[index].axis else 1 for axis in range(value.dim())]
            return value * factors.reshape(beside).to(value) + shifts.reshape(beside).to(value)

        self._run(dict(state), touch)
        found = self._architecture.flatten(state)
        if not bool(torch.isfinite(found).all()):
            raise SymmetryError(
                "restored statistics are NaN or infinite, expected finite numbers; give other examples"
            )
        return found

    def _run(self, state: State, touch: Touch) -> None:
        with torch.no_grad():
            run_examples(self._program, state, self._batches, touch=touch)


def _statistics(value: Tensor, axis: int) -> Statistics:
    """Mean and deviation of each channel over all examples and places, float64."""
    channels = value.double().movedim(1 + axis, 0).flatten(1)
    return channels.mean(dim=1), channels.std(dim=1, correction=0)


def _change(now: Statistics, wanted: Statistics) -> tuple[Tensor, Tensor]:
    """Factors and shifts that make other means and deviations; channels without any are left alone."""
    still = (now[1] <= _STILL * (wanted[1] + now[0].abs())) | (wanted[1] <= _STILL * now[1])
    factors = torch.where(still, 1.0, wanted[1] / torch.where(still, 1.0, now[1]))
    return factors, torch.where(still, 0.0, wanted[0] - factors * now[0])


@lru_cache(maxsize=16)
def _program(architecture: Architecture, shape: tuple[int, ...]) -> Program:
    return program_of(architecture, shape=shape).program
