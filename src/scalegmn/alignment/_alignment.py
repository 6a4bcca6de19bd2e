"""Two networks, one of which was brought to the other by symmetries of its function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.networks import Architecture
from scalegmn.shapes import Parameters

_NOTHING: Final = 1e-9
"""Of a parameter's root mean square: differences are relative to no smaller number than this."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment:
    """Two networks, one of which was brought to the other by symmetries of its function.

    Attributes:
        architecture: of both.
        reference: parameters of the network that stays as it is, ``(P,)``.
        other: those of the network that is brought to it, ``(P,)``.
        aligned: the function of `other`, as near to `reference` as was found, ``(P,)``.
        gauge: by what `reference` is multiplied to get its representative under scales, in which distances
            are measured, ``(P,)`` float64.
        floor: numbers that count as equal sizes when relative differences are taken, such as the half period
            of a sine's bias; 0 elsewhere, ``(P,)`` float64.
    """

    architecture: Architecture
    reference: Parameters
    other: Parameters
    aligned: Parameters
    gauge: Tensor
    floor: Tensor

    @cached_property
    def difference(self) -> Tensor:
        r"""Relative difference of each number, ``(P,)`` float64: ``|a - b| / max(|a|, |b|, floor)``.

        Law: invariant to scales of either network.
        """
        first, second = self._pair
        sizes = torch.empty_like(first)
        for parameter in self.architecture.parameters:
            part = slice(parameter.start, parameter.stop)
            sizes[part] = _NOTHING * first[part].square().mean().sqrt()
        sizes = torch.maximum(torch.maximum(first.abs(), second.abs()), torch.maximum(sizes, self.floor))
        # Where both are 0 they agree.
        return torch.where(sizes > 0, (first - second).abs() / sizes, 0.0)

    @cached_property
    def distance(self) -> float:
        """Relative distance of the networks at the reference's representative under scales; 0 if equal."""
        first, second = self._pair
        size = float(torch.maximum(first.norm(), second.norm()))
        return float((first - second).norm()) / size if size else 0.0

    @cached_property
    def distance_before(self) -> float:
        """The same without alignment."""
        first, second = self._pair[0], self.other.double().cpu() * self.gauge
        size = float(torch.maximum(first.norm(), second.norm()))
        return float((first - second).norm()) / size if size else 0.0

    @cached_property
    def _pair(self) -> tuple[Tensor, Tensor]:
        first, second = (theta.double().cpu() for theta in (self.reference, self.aligned))
        return first * self.gauge, second * self.gauge
