"""Linear maps of weight-space features that commute with permutations of neurons.

Paper: Zhou et al., "Permutation Equivariant Neural Functionals", NeurIPS 2023 (NF-Layers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class WeightFeatures:
    """Features of B networks with K sets of neurons that may be permuted, each joined to the next.

    Attributes:
        pairs: per set but the last, features of its connections to the next set, ``(B, n_next, n, F)``.
        nodes: per set, features of its neurons, ``(B, n, F)``.
        shared: features of the whole network, ``(B, F)``.

    Law: a permutation of a set permutes the axes that belong to it; `shared` is invariant.
    """

    pairs: tuple[Tensor, ...]
    nodes: tuple[Tensor, ...]
    shared: Tensor

    @property
    def widths(self) -> Widths:
        """How many features there are, everywhere."""
        return Widths(
            tuple(pair.shape[-1] for pair in self.pairs),
            tuple(node.shape[-1] for node in self.nodes),
            self.shared.shape[-1],
        )

    def map(self, function: Callable[[Tensor], Tensor]) -> WeightFeatures:
        """Apply a function that treats every entry the same, such as an activation."""
        return WeightFeatures(
            tuple(function(pair) for pair in self.pairs),
            tuple(function(node) for node in self.nodes),
            function(self.shared),
        )

    def overall(self) -> Tensor:
        """Invariant: `shared`, and the means over all neurons and all connections, side by side."""
        of_nodes = [node.mean(1) for node in self.nodes]
        of_pairs = [pair.mean((1, 2)) for pair in self.pairs]
        return torch.cat([self.shared, *of_nodes, *of_pairs], dim=1)

    def summaries(self) -> list[Tensor]:
        """Per set and neuron: its features, and the means over its incoming and outgoing connections."""
        found = []
        for number, node in enumerate(self.nodes):
            incoming = [pair.mean(2) for pair in self.pairs[:number][-1:]]
            outgoing = [pair.mean(1) for pair in self.pairs[number : number + 1]]
            found.append(torch.cat([node, *incoming, *outgoing], dim=2))
        return found


@dataclass(frozen=True)
class Widths:
    """Numbers of features of :class:`WeightFeatures`."""

    pairs: tuple[int, ...]
    nodes: tuple[int, ...]
    shared: int

    @property
    def overall(self) -> int:
        """Width of :meth:`WeightFeatures.overall`."""
        return self.shared + sum(self.nodes) + sum(self.pairs)

    def summary(self, number: int) -> int:
        """Width of the summary of one set."""
        return self.nodes[number] + sum(self.pairs[max(number - 1, 0) : number + 1])

    def with_channels(self, channels: int) -> Widths:
        """The same places with `channels` features each."""
        return Widths((channels,) * len(self.pairs), (channels,) * len(self.nodes), channels)


@final
class EquivariantLinear(nn.Module):
    """The NF-Layer: every linear map of these features that commutes with permutations is of this form.

    A connection gets maps of its own features, of the summaries of its two neurons, and of what is
    invariant; a neuron gets maps of its summary and of what is invariant; each place has maps of its own.

    Args:
        widths: of what it reads.
        channels: features that it gives everywhere.

    Law: equivariant under permutations of every set of neurons.
    """

    def __init__(self, *, widths: Widths, channels: int) -> None:
        super().__init__()
        self.channels = channels
        sets, pairs = len(widths.nodes), len(widths.pairs)
        self.of_pairs = nn.ModuleList([nn.Linear(width, channels, bias=False) for width in widths.pairs])
        # One product gives a neuron its features, then its share in the features of its incoming
        # connections, then in those of its outgoing ones.
        parts = [1 + (number > 0) + (number < pairs) for number in range(sets)]
        self.of_summaries = nn.ModuleList(
            [
                nn.Linear(widths.summary(number), channels * count, bias=False)
                for number, count in enumerate(parts)
            ]
        )
        self.of_overall = nn.Linear(widths.overall, channels * (pairs + sets + 1))

    def forward(self, x: WeightFeatures) -> WeightFeatures:
        """Features of the same networks, `channels` everywhere."""
        shared, *rest = self.of_overall(x.overall()).split(self.channels, dim=1)
        for_nodes, for_pairs = rest[: len(x.nodes)], rest[len(x.nodes) :]
        mapped = [
            list(linear(summary).split(self.channels, dim=2))
            for linear, summary in zip(self.of_summaries, x.summaries(), strict=True)
        ]
        nodes = tuple(own[0] + every[:, None] for own, every in zip(mapped, for_nodes, strict=True))
        pairs = []
        for number, (linear, pair, every) in enumerate(zip(self.of_pairs, x.pairs, for_pairs, strict=True)):
            of_source, of_target = mapped[number][-1], mapped[number + 1][1]
            pairs.append(linear(pair) + of_source[:, None] + of_target[:, :, None] + every[:, None, None])
        return WeightFeatures(tuple(pairs), nodes, shared)
