"""All of a continuous symmetry group that is not diagonal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program
from scalegmn.symmetry.discovery import SymmetryGroup

from ._absorption import absorptions
from ._mixing import ChannelMixing, Gauge, Generators, mixings, unknowns
from ._part import ContinuousPart
from ._shifts import BiasShift, gains, shifts
from ._slopes import counted, drawn, flat
from ._translations import Translation, translations

_LARGEST: Final = 4_000
"""Unknowns; dense equations for more take minutes."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class ContinuousGroup:
    """Scales, and what there is beside them.

    Attributes:
        scales: how many dimensions are diagonal.
        parts: what is not, named; dimensions add up without counting anything twice.
    """

    scales: int
    parts: tuple[ContinuousPart, ...]

    @property
    def dimension(self) -> int:
        """The dimension of a generic orbit: scales and parts together."""
        return self.scales + sum(part.dimension for part in self.parts)

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.dimension} dimensions, {self.scales} of them scales", *map(str, self.parts)]
        )


def continuous_group(group: SymmetryGroup, *, generator: torch.Generator) -> ContinuousGroup:
    """Find what is not diagonal in the continuous symmetry group of a small network.

    No rule of any operation is used.  Vector fields ``v(theta)`` of four kinds are searched for those with
    ``J(theta) v(theta) = 0`` for all ``theta``, where ``J`` is the Jacobian of the function: constants;
    ``v = X theta`` with a matrix ``X`` for every axis of every parameter; shifts of biases that depend on the
    weights; products that a matrix beside them takes back.  Each condition is linear in what is unknown, and
    is stacked for random ``theta`` and inputs; what is left keeps the function exactly, and not only to first
    order.

    Args:
        group: scales of the program.
        generator: of random parameters and inputs.

    Raises:
        SymmetryError: the network is too large, or has inputs that are no real numbers.
    """
    program = group.program
    _check(program)
    gauge = Gauge(group, _free_gains(group))
    theta = {name: _above_zero(name, value, gauge) for name, value in drawn(program, generator).items()}
    ledger = _Ledger(group, theta)
    scales = ledger.rank
    parts: list[ContinuousPart] = []
    for vectors in translations(program, generator):
        kept = ledger.new(vectors)
        parts.extend([Translation(vectors=vectors, dimension=len(kept))] if kept else [])
    biases = _biases(program, gauge)
    moved = ledger.new(shifts(program, biases, theta))
    parts.extend([BiasShift(program=program, biases=biases, dimension=len(moved))] if moved else [])
    parts.extend(_mixing_parts(mixings(program, gauge, generator), gauge, theta, ledger))
    for absorption in absorptions(program, generator):
        moved = ledger.new(absorption.directions(theta))
        parts.extend([absorption.counted_as(len(moved))] if moved else [])
    return ContinuousGroup(scales=scales, parts=tuple(parts))


def _mixing_parts(
    found: Sequence[list[Generators]], gauge: Gauge, theta: Mapping[str, Tensor], ledger: _Ledger
) -> Iterator[ContinuousPart]:
    for generators in found:
        whole = ChannelMixing(generators=generators, gauge=gauge, dimension=len(generators))
        kept = ledger.new(whole.directions(theta))
        if kept:
            yield ChannelMixing(generators=generators, gauge=gauge, dimension=len(kept))


@final
class _Ledger:
    """Directions in the space of all parameters that are spoken for."""

    def __init__(self, group: SymmetryGroup, theta: Mapping[str, Tensor]) -> None:
        self._names = [parameter.name for parameter in counted(group.program)]
        self._theta = theta
        self._basis: list[Tensor] = []
        for row in torch.eye(group.scales.dimension, dtype=torch.float64):
            exponents = group.scales.evaluate(row)
            self.new([{name: theta[name] * exponent for name, exponent in exponents.items()}])

    @property
    def rank(self) -> int:
        """How many directions there are."""
        return len(self._basis)

    def new(self, directions: Sequence[Mapping[str, Tensor]]) -> list[int]:
        """Which directions are no combinations of those before; they are noted."""
        kept = []
        zeros = {name: torch.zeros_like(self._theta[name]) for name in self._names}
        for number, direction in enumerate(directions):
            vector = flat({**zeros, **direction}, self._names)
            size = vector.norm()
            for _ in range(2):  # once more against rounding
                for known in self._basis:
                    vector = vector - (known @ vector) * known
            if float(vector.norm()) > 1e-7 * float(size):
                self._basis.append(vector / vector.norm())
                kept.append(number)
        return kept


def _free_gains(group: SymmetryGroup) -> list[str]:
    """Gains that scales can make 1 all at once."""
    basis = torch.eye(group.scales.dimension, dtype=torch.float64)
    exponents = [group.scales.evaluate(row) for row in basis]
    chosen: list[str] = []
    for name in sorted(gains(group.program)):
        if not exponents or name not in exponents[0]:
            continue
        rows = torch.stack([torch.cat([e[n].reshape(-1) for n in (*chosen, name)]) for e in exponents], dim=1)
        if int(torch.linalg.matrix_rank(rows)) == len(rows):
            chosen.append(name)
    return chosen


def _biases(program: Program, gauge: Gauge) -> tuple[str, ...]:
    factors = gains(program)
    return tuple(p.name for p in counted(program) if len(p.type.shape) < 2 and p.name not in factors)


def _above_zero(name: str, value: Tensor, gauge: Gauge) -> Tensor:
    return 0.5 + value.abs() if name in gauge.gains else value


def _check(program: Program) -> None:
    numbers = unknowns(program)
    if numbers > _LARGEST or not all(given.type.is_floating for given in program.inputs):
        raise SymmetryError(
            f"what is not diagonal has {numbers:,} unknowns in a network of {len(program.inputs)} inputs, "
            f"expected at most {_LARGEST:,} and inputs of real numbers; try it on a narrower network"
        )
