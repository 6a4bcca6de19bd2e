"""The search for the element that brings one network to another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import GroupElement, Moves

from ._channels import MatchedChannels
from ._frames import MatchingFrame
from ._matching import Matching
from ._signs import best_flips, climbed

State = Mapping[str, Tensor]

_FOUND: Final = 1e-4
"""No other start is tried where the product lacks so little of its bound."""
_SAME: Final = 1e-9
"""Of the size of a signature's feature; channels that differ less have the same."""
_GAIN: Final = 1e-12
"""Of the product of both norms; smaller gains are rounding."""


@final
class Search:
    """Permutations and signs that make the inner product of two networks large.

    Args:
        frame: of their architecture.
        matching: parts of the group and effort.
    """

    def __init__(self, frame: MatchingFrame, *, matching: Matching) -> None:
        self._frame, self._matching = frame, matching
        self._families: Final[tuple[MatchedChannels, ...]] = frame.families if matching.permutations else ()
        self._signed: Final = matching.signs and bool(frame.group.signs.dimension)

    def run(self, reference: State, other: State, *, signatures: tuple[Tensor, Tensor]) -> State:
        """The best of all starts.

        Args:
            reference: parameters of the representative, float64.
            other: of the network that is moved.
            signatures: of the channels of both.
        """
        best, most = other, -np.inf
        weights = {name: _weight(value, other[name]) for name, value in reference.items()}
        weighted = {name: weights[name] * value for name, value in reference.items()}
        # What the product would be if both were the same.
        bound = sum(
            weights[name] * float(value.square().sum()) / 2
            for values in (reference, other)
            for name, value in values.items()
        )
        for start in self._starts(other, signatures):
            found = self._climb(weighted, start)
            if (value := inner_product(weighted, found)) > most:
                best, most = found, value
            if bound - most <= _FOUND * bound:
                break
        return best

    def by_answers(
        self, reference: State, other: State, *, answers: tuple[Mapping[int, Tensor], Mapping[int, Tensor]]
    ) -> State:
        """Channels that answer alike in each other's places, each family by itself, at the signs of these.

        Signs of which answers say nothing follow the weights.

        Args:
            reference: parameters of the representative, float64.
            other: of the network that is moved.
            answers: of the channels of both.
        """
        moves: Moves = {}
        flips = np.zeros(self._frame.signs.matrix.shape[1], dtype=np.int64)
        open_ones = np.ones(len(flips), dtype=bool)
        for family in self._families:
            gains = self._frame.activations.gains(family, *answers, signed=self._signed)
            own = family.group.best(gains)[1]
            moves.update(own)
            if self._signed:
                made, judged = self._frame.activations.flips(family, own, *answers)
                flips[made] = 1
                open_ones[judged] = False
        found = self._moved(other, moves)
        if not self._signed:
            return found
        found = self._frame.flips(flips).apply(found)
        return self._flipped(reference, found, decide=True, among=np.flatnonzero(open_ones))

    def _starts(self, other: State, signatures: tuple[Tensor, Tensor]) -> Iterator[State]:
        yield self._moved(other, self._signature_moves(*signatures)) if self._families else other
        for number in range(1, self._matching.starts if self._families else 1):
            random = generator(self._matching.seed, "start", number)
            moves: Moves = {}
            for family in self._families if number > 1 else ():
                moves.update(family.group.random(random))
            yield self._moved(other, moves)

    def _signature_moves(self, first: Tensor, second: Tensor) -> Moves:
        moves: Moves = {}
        for family in self._families:
            distances = {}
            for points in family.points():
                ours, theirs = first[points], second[points]
                distances[int(points[0])] = -_distances(ours, theirs).numpy()
            moves.update(family.group.best(family.gains(distances))[1])
        return moves

    def _climb(self, reference: State, state: State) -> State:
        """Family after family, as long as anything gains."""
        if self._signed:
            state = self._flipped(reference, state, decide=True)
        order = generator(self._matching.seed, "order")
        for _ in range(self._matching.sweeps):
            moved = False
            for index in torch.randperm(len(self._families), generator=order).tolist():
                state, better = self._improved(reference, state, self._families[index])
                moved |= better
            if not moved:
                break
            if self._signed:
                state = self._flipped(reference, state, decide=False)
        return state

    def _improved(self, reference: State, state: State, family: MatchedChannels) -> tuple[State, bool]:
        """The best move of one family, if it gains."""
        similarity = family.similarity(reference, state, signed=self._signed)
        _, moves = family.group.best(similarity.gains)
        found = self._moved(state, {point: place for point, place in moves.items() if point != place})
        if self._signed:
            flips = family.flips(similarity, moves, dimension=self._frame.group.signs.dimension)
            if flips.any():
                found = self._frame.flips(flips).apply(found)
        size = inner_product(reference, reference) + inner_product(state, state)
        better = inner_product(reference, found) > inner_product(reference, state) + _GAIN * size
        return (found, True) if better else (state, False)

    def _flipped(
        self, reference: State, state: State, *, decide: bool, among: NDArray[np.int64] | None = None
    ) -> State:
        """The best signs of all channels together, or of some free flips."""
        rows = self._frame.signs
        matrix = rows.matrix if among is None else rows.matrix[:, among]
        evidence = rows.sums({name: reference[name] * value for name, value in state.items()})
        start = np.zeros(matrix.shape[1], dtype=np.int64)
        found = best_flips(matrix, evidence) if decide else climbed(matrix, evidence, start=start)
        if not found.any():
            return state
        flips = np.zeros(rows.matrix.shape[1], dtype=np.int64)
        flips[slice(None) if among is None else among] = found
        return self._frame.flips(flips).apply(state)

    def _moved(self, state: State, moves: Moves) -> State:
        if not moves:
            return state
        found = self._frame.group.permutations.rearrangements(moves)
        return GroupElement(rearrangements=found).apply(state)


def _weight(reference: Tensor, other: Tensor) -> float:
    """What the products of the entries of a parameter count.

    Parameters count by the root of the number of their entries, whatever their size: a matrix more than a
    bias, but not by all of the noise of its entries.
    """
    size = float(reference.norm() * other.norm())
    return math.sqrt(reference.numel()) / size if size > 0 else 0.0


def _distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared distances of signatures, each feature in units of how much it varies."""
    spread = first.std(dim=0, correction=0, keepdim=True)
    size = torch.maximum(first.abs().amax(dim=0, keepdim=True), second.abs().amax(dim=0, keepdim=True))
    # A feature that is the same for all channels, up to rounding, tells nothing.
    units = torch.where(spread > _SAME * size, spread, torch.where(size > 0, size, 1.0))
    return torch.cdist(first / units, second / units).square()


def inner_product(first: State, second: State) -> float:
    """The inner product over all parameters."""
    return float(sum(torch.dot(value.reshape(-1), second[name].reshape(-1)) for name, value in first.items()))
