"""Linear maps that mix channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.programs import Program
from scalegmn.symmetry.discovery import SymmetryGroup

from ._part import ContinuousPart
from ._slopes import counted, drawn, echelon, jacobian, null_space, stacked

Side = tuple[str, int]
Generators = Mapping[Side, Tensor]


@final
class Gauge:
    """Scales that make gains 1, where channels may be mixed.

    Args:
        group: of the program.
        gains: names of parameters that entries are multiplied with.
    """

    def __init__(self, group: SymmetryGroup, gains: Sequence[str]) -> None:
        self.gains: Final = tuple(gains)
        basis = torch.eye(group.scales.dimension, dtype=torch.float64)
        self._exponents: Final = [group.scales.evaluate(row) for row in basis]

    def factors(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What multiplies each parameter.

        Raises:
            SymmetryError: a gain is not above 0.
        """
        if not self.gains:
            return {}
        wanted = torch.cat([parameters[name].reshape(-1) for name in self.gains])
        if not bool((wanted > 0).all()):
            raise SymmetryError(
                f"a gain of {', '.join(self.gains)} is {float(wanted.min()):.3g}, expected numbers above 0; "
                "flip signs first"
            )
        matrix = torch.stack(
            [torch.cat([e[name].reshape(-1) for name in self.gains]) for e in self._exponents], dim=1
        )
        coordinates = torch.linalg.pinv(matrix) @ -torch.log(wanted)
        total = {
            name: sum(float(c) * e[name] for c, e in zip(coordinates, self._exponents, strict=True))
            for name in self._exponents[0]
        }
        return {name: torch.exp(torch.as_tensor(value)) for name, value in total.items()}


@final
class ChannelMixing(ContinuousPart):
    """``W -> exp(X) W exp(Y)``: a matrix for every axis of every parameter, of a Lie algebra.

    Gains are 1 meanwhile: scales make them so before, and are taken back afterwards.

    Args:
        generators: a basis of the algebra without its diagonal part.
        gauge: makes gains 1.
        dimension: how many directions it adds.
    """

    def __init__(self, *, generators: Sequence[Generators], gauge: Gauge, dimension: int) -> None:
        names = tuple(dict.fromkeys(name for g in generators for (name, _), x in g.items() if bool(x.any())))
        super().__init__(notation=_notation(generators, dimension), parameters=names, dimension=dimension)
        self._generators: Final = tuple(generators)
        self._gauge: Final = gauge

    def move(
        self, parameters: Mapping[str, Tensor], generator: torch.Generator, *, spread: float = 0.5
    ) -> dict[str, Tensor]:
        sizes = spread * torch.randn(len(self._generators), generator=generator, dtype=torch.float64)
        factors = self._gauge.factors(parameters)
        moved = {name: value * factors.get(name, 1) for name, value in parameters.items()}
        for name, axis in self._generators[0]:
            pairs = zip(sizes, self._generators, strict=True)
            total = torch.stack([size * g[name, axis] for size, g in pairs]).sum(0)
            moved[name] = _along(torch.linalg.matrix_exp(total), moved[name], axis)
        return {name: value / factors.get(name, 1) for name, value in moved.items()}

    def directions(self, parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        factors = self._gauge.factors(parameters)
        found = []
        for generators in self._generators:
            velocity = {name: torch.zeros_like(value) for name, value in parameters.items()}
            for (name, axis), matrix in generators.items():
                factor = factors.get(name, torch.ones(()))
                velocity[name] = velocity[name] + _along(matrix, parameters[name] * factor, axis) / factor
            found.append(velocity)
        return found


def mixings(program: Program, gauge: Gauge, generator: torch.Generator) -> list[list[Generators]]:
    """Bases of all algebras that mix channels, one for each set of channels that belong together."""
    parameters = [p for p in counted(program) if p.name not in gauge.gains]
    sides = [(p.name, axis, size) for p in parameters for axis, size in enumerate(p.type.shape)]
    ones = {
        p.name: torch.ones(p.type.shape, dtype=torch.float64)
        for p in program.parameters
        if p.name in gauge.gains
    }
    mixed = torch.cat([~torch.eye(size, dtype=torch.bool).reshape(-1) for _, _, size in sides])
    # Entries beside the diagonal first: what is left behind them is diagonal, and known already.
    order = torch.argsort((~mixed).to(torch.uint8), stable=True)

    def rows() -> Tensor:
        theta = drawn(program, generator, ones)
        slopes = jacobian(program, theta, [p.name for p in parameters], generator)
        found = [_slopes_of(slopes[name], theta[name], axis) for name, axis, _ in sides]
        return torch.cat(found, dim=1)[:, order]

    basis = echelon(null_space(stacked(rows, len(order), draws=sum(size for *_, size in sides))))
    count = int(mixed.sum())
    basis = basis[(basis[:, :count] != 0).any(dim=1)]
    back = torch.empty_like(basis)
    back[:, order] = basis
    return _together([_matrices(row, sides) for row in back])


def unknowns(program: Program) -> int:
    """How many numbers all matrices have."""
    return sum(size**2 for parameter in counted(program) for size in parameter.type.shape)


def _slopes_of(slope: Tensor, value: Tensor, axis: int) -> Tensor:
    """Derivatives by ``X`` of ``f(exp(X) W)``: ``sum J[o, .., a, ..] W[.., b, ..]``."""
    left = slope.movedim(axis + 1, 1).flatten(2) if slope.dim() > 2 else slope.unsqueeze(2)
    right = value.movedim(axis, 0).reshape(value.shape[axis], -1)
    return torch.einsum("oak,bk->oab", left, right).flatten(1)


def _matrices(row: Tensor, sides: Sequence[tuple[str, int, int]]) -> dict[Side, Tensor]:
    pieces = row.split([size**2 for _, _, size in sides])
    return {(name, a): x.reshape(size, size) for (name, a, size), x in zip(sides, pieces, strict=True)}


def _together(found: Sequence[Generators]) -> list[list[Generators]]:
    """Generators, joined where they mix the same channels."""
    groups: list[tuple[set[tuple[Side, int]], list[int]]] = []
    for number, generators in enumerate(found):
        channels = {(side, index) for side, indices in _channels(generators).items() for index in indices}
        joined = [group for group in groups if group[0] & channels]
        groups = [group for group in groups if not group[0] & channels]
        members = sorted([number, *(member for group in joined for member in group[1])])
        groups.append((channels.union(*(group[0] for group in joined)), members))
    return [[found[member] for member in members] for members in sorted(members for _, members in groups)]


def _along(matrix: Tensor, value: Tensor, axis: int) -> Tensor:
    return torch.tensordot(matrix, value, dims=([1], [axis])).movedim(0, axis)


def _channels(generators: Generators) -> dict[Side, set[int]]:
    """For each axis, which of its indices are mixed."""
    found = {}
    for side, matrix in generators.items():
        beside = matrix - torch.diag(matrix.diagonal())
        found[side] = set(torch.nonzero(beside)[:, 0].tolist()) | set(torch.nonzero(beside)[:, 1].tolist())
    return {side: indices for side, indices in found.items() if indices}


def _notation(generators: Sequence[Generators], dimension: int) -> str:
    """A group by the channels it mixes, its rotations, and the number of its generators beside the diagonal.

    Args:
        generators: of the whole algebra but for its diagonal part.
        dimension: how many of them are not spoken for by other parts.
    """
    mixed: dict[Side, set[int]] = {}
    for found in map(_channels, generators):
        for side, indices in found.items():
            mixed[side] = mixed.get(side, set()) | indices
    size = min(len(indices) for indices in mixed.values())
    if len(generators) == size * (size - 1):
        return f"GL({size})"
    rotations = max(_rotations(generators, side) for side in mixed if len(mixed[side]) == size)
    orders = [n for n in range(2, size + 1) if n * (n - 1) // 2 == rotations]
    words = [f"O({n})" for n in orders]
    if dimension > rotations or not words:
        words.append(f"{dimension - rotations if words else dimension} shears of {size} channels")
    return " and ".join(words)


def _rotations(generators: Sequence[Generators], side: Side) -> int:
    """How many of them, as combinations, are antisymmetric on an axis without being 0."""
    beside = torch.stack([g[side] - torch.diag(g[side].diagonal()) for g in generators])
    ranks = [int(torch.linalg.matrix_rank(x.flatten(1), rtol=1e-9)) for x in (beside, beside + beside.mT)]
    return ranks[0] - ranks[1]
