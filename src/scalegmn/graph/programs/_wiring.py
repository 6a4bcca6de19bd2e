"""Nodes and edges as they are found, before laws are known and what is superfluous is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.networks import EdgeType
from scalegmn.symmetry.discovery import Labels, Term, core

NOTHING: Final = -1
"""In place of a node: the entry is always 0.  In place of a parameter: a constant."""
MOST_TAPS: Final = 2**25
"""Weights that a graph may have: about 3 GB while it is made."""


@final
@dataclass(frozen=True, eq=False)
class Wires:
    """Edges that came into being together.

    Attributes:
        source, target: their ends, ``(E,)``.
        counts: how many taps each has, ``(E,)``.
        kernel: height and width of the taps, ``(E, 2)``.
        kind: what the taps stand for.
        places: the parameter of every tap, ``(T,)``.
        reciprocal: whether the weights are 1 divided by the parameters.
    """

    source: Tensor
    target: Tensor
    counts: Tensor
    kernel: Tensor
    kind: EdgeType
    places: Tensor
    reciprocal: bool = False


@final
@dataclass(frozen=True, eq=False)
class JoinedWires:
    """All weighted edges, and behind them links as edges of weight 1.

    Attributes:
        ends: sources and targets, ``(E, 2)``.
        kernel: height and width of the taps, ``(E, 2)``.
        kind: what the taps of each stand for, ``(E,)``.
        places: the parameter of every tap, or NOTHING, ``(T,)``.
        reciprocal: which taps are 1 divided by the parameter, ``(T,)``.
    """

    ends: Tensor
    kernel: Tensor
    kind: Tensor
    places: Tensor
    reciprocal: Tensor

    @classmethod
    def from_wires(cls, wires: Sequence[Wires], links: Tensor) -> JoinedWires:
        """Edges in the order in which they were made; links ``(n, 2)`` come last."""
        ends = [torch.stack([one.source, one.target], dim=1) for one in wires]
        taps = len(links)
        return cls(
            ends=torch.cat([*ends, links]),
            kernel=torch.cat([*(one.kernel for one in wires), torch.ones(taps, 2, dtype=torch.int64)]),
            kind=torch.cat(
                [
                    *(torch.full((len(one.counts),), int(one.kind)) for one in wires),
                    torch.full((taps,), int(EdgeType.skip)),
                ]
            ),
            places=torch.cat([*(one.places for one in wires), torch.full((taps,), NOTHING)]),
            reciprocal=torch.cat(
                [
                    *(torch.full((len(one.places),), one.reciprocal) for one in wires),
                    torch.zeros(taps, dtype=torch.bool),
                ]
            ),
        )


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Nodes that came into being together.

    Attributes:
        start: the first one.
        scale, sign: labels of each, of shape ``(count,)``.
        function: operation that makes their output, if it is no sum.
    """

    start: int
    scale: Labels
    sign: Labels
    function: str | None

    @property
    def count(self) -> int:
        """How many."""
        return self.scale.shape[0]


@final
@dataclass(eq=False)
class Wiring:
    """All that was found of a program.

    Attributes:
        batches: nodes.
        biases: nodes and the parameters that are added to them.
        wires: weighted edges.
        links: edges without weights, ``(source, target)`` each; they say that a node depends on another one.
        pairs: ``(first, second, product)``: nodes that are products, and their factors.
        inputs: nodes of inputs, in order.
        outputs: nodes of outputs, in order.
    """

    batches: list[Batch] = field(default_factory=list)
    biases: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    wires: list[Wires] = field(default_factory=list)
    links: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    count: int = 0
    taps: int = 0

    def reserve(self, count: int) -> int:
        """Numbers for new nodes; the first of them."""
        start = self.count
        self.count += count
        return start

    def renew(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """A new node for each different number.

        Returns:
            The numbers, in the order of the nodes, and the new nodes in their places.
        """
        entries = core(ids)
        flat = entries.reshape(-1)
        olds = torch.unique(flat[flat != NOTHING])
        start = self.reserve(len(olds))
        # Behind the last one stands what nothing becomes.
        news = torch.cat([torch.arange(start, self.count), torch.tensor([NOTHING])])
        found = torch.where(flat == NOTHING, len(olds), torch.searchsorted(olds, flat))
        return olds, news[found].reshape(entries.shape).expand(ids.shape)

    def name(self, nodes: Tensor, start: int, scale: Labels, sign: Labels, *, function: str | None) -> None:
        """Note the laws of the nodes from a number on.

        Args:
            nodes: of the entries of a value.
            start: the first of the new nodes.
            scale: log-scales of the entries.
            sign: signs of the entries.
            function: the operation that made them, if it is no sum.
        """
        count = self.count - start
        if not count:
            return
        entries = core(nodes)
        flat = entries.reshape(-1)
        new = flat >= start
        first = torch.zeros(count, dtype=torch.int64)
        # The entries of a node have one law: any of them will do.
        first[flat[new] - start] = torch.nonzero(new).squeeze(1)
        index = torch.unravel_index(first, entries.shape)
        taken = [
            Labels((count,), tuple(Term(term.coefficient, term.ids[tuple(index)]) for term in labels.terms))
            for labels in (scale, sign)
        ]
        self.batches.append(Batch(start, taken[0], taken[1], function))

    def charge(self, taps: int) -> None:
        """Count weights before they are made.

        Raises:
            GraphError: there are too many.
        """
        self.taps += taps
        if self.taps > MOST_TAPS:
            raise GraphError(
                f"the graph of this network has more than {MOST_TAPS} weights, expected fewer to hold it in "
                "memory; a smaller example input makes a smaller graph where weights act between positions"
            )

    def biases_of(self) -> Tensor:
        """The parameter that is added to each node, or NOTHING, ``(V,)``."""
        found = torch.full((self.count,), NOTHING)
        for nodes, places in self.biases:
            found[nodes] = places
        return found

    def functions_of(self) -> tuple[Tensor, list[str]]:
        """The operation behind each node, as an index in a list of names, or NOTHING, ``(V,)``."""
        names = sorted({batch.function for batch in self.batches if batch.function is not None})
        found = torch.full((self.count,), NOTHING)
        for batch in self.batches:
            if batch.function is not None:
                found[batch.start : batch.start + batch.count] = names.index(batch.function)
        return found, names

    def connect(self, source: Tensor, target: Tensor) -> None:
        """Say that nodes depend on others."""
        kept = source != NOTHING
        self.links.append((source[kept], target[kept]))


def distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Different rows of a matrix of integers, or entries of a vector.

    Returns:
        The index of the first of each kind, and the kind of every row.
    """
    if rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows.squeeze(1)
    # A matrix without columns has rows that are all alike.
    if rows.ndim == 2 and rows.shape[1] == 0:
        rows = rows.new_zeros(rows.shape[0])
    kinds = _kinds(rows)
    count = int(kinds.max()) + 1 if kinds.numel() else 0
    first = torch.full((count,), kinds.numel()).scatter_reduce(0, kinds, torch.arange(kinds.numel()), "amin")
    # Kinds are numbered by where they are met first, so that order does not hang on the numbers in the rows.
    order = first.argsort()
    rank = torch.empty_like(order)
    rank[order] = torch.arange(count)
    return first[order], rank[kinds]


def _kinds(rows: Tensor) -> Tensor:
    """Equal numbers for equal rows, and no others."""
    if rows.ndim == 1:
        return torch.unique(rows, return_inverse=True)[1]
    # Numbers take a hundredth of the time that rows take to sort; that they tell all rows apart is seen.
    generator = torch.Generator().manual_seed(0)
    weights = torch.randint(-(2**62), 2**62, rows.shape[1:], generator=generator)
    kinds = torch.unique((rows * weights).sum(dim=1), return_inverse=True)[1]
    count = int(kinds.max()) + 1 if kinds.numel() else 0
    example = torch.zeros(count, dtype=torch.int64)
    example[kinds] = torch.arange(len(rows))
    if torch.equal(rows[example[kinds]], rows):
        return kinds
    return torch.unique(rows, dim=0, return_inverse=True)[1]
