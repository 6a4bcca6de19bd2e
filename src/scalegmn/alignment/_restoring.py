r"""Statistics of the channels of an averaged network, brought back to what they are in its parents.

Channels of an average vary less than those of its parents, since what the parents do not share cancels; layer
after layer the signal fades.  Statistics of batch norms are taken anew from examples.  A linear map that no
norm follows gets, channel by channel, the mean and the deviation that its parents have on average:

.. math::

    w \leftarrow \frac{\bar\sigma}{\sigma} w, \qquad
    b \leftarrow \frac{\bar\sigma}{\sigma} (b - \mu) + \bar\mu

Source: Jordan et al., "REPAIR: REnormalizing Permuted Activations for Interpolation Repair", ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import Architecture
from scalegmn.programs import Program, watch_program
from scalegmn.shapes import Parameters

from ._batches import in_batches
from ._norms import ChannelPlace, Statistics, places_of
from ._programs import program_of

_CHUNK: Final = 100
State = Mapping[str, Tensor]


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
        return self._statistics(self._architecture.unflatten(theta), self._places)

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
        for place in self._places:
            now = self._statistics(state, [place])[place.value]
            mean, deviation = (
                _averaged([one[place.value][part] for one in parents], weights) for part in (0, 1)
            )
            place.restore(state, now, (mean, deviation))
        found = self._architecture.flatten(state)
        if not bool(torch.isfinite(found).all()):
            raise SymmetryError(
                "restored statistics are NaN or infinite, expected finite numbers; give other examples"
            )
        return found

    def _statistics(self, state: State, places: Iterable[ChannelPlace]) -> dict[int, Statistics]:
        """Mean and deviation of each channel of some values over all examples, float64."""
        first = len(self._program.inputs) + len(self._program.parameters) + len(self._program.constants)
        axes = {place.value: place.axis for place in places}
        types = self._program.types()
        nudges = {value: torch.zeros(types[value].shape) for value in axes if value >= first}
        given = {name: value.float() for name, value in state.items()}

        def watched(batch: Tensor) -> dict[int, Tensor]:
            return watch_program(self._program, given, [batch], nudges=nudges)[1]

        seen = dict.fromkeys(axes, self._batches)
        if nudges:
            with torch.no_grad():
                seen |= torch.func.vmap(watched, chunk_size=_CHUNK)(self._batches)
        found = {}
        for value, axis in axes.items():
            channels = seen[value].double().movedim(1 + axis, 0).flatten(1)
            found[value] = channels.mean(dim=1), channels.std(dim=1, correction=0)
        return found


def _averaged(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    return torch.tensor(weights, dtype=torch.float64) @ torch.stack([*values])


@lru_cache(maxsize=16)
def _program(architecture: Architecture, shape: tuple[int, ...]) -> Program:
    return program_of(architecture, shape=shape).program
