"""Networks of any architectures in one batch: their parameters, and their graph when it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from scalegmn.errors import GraphError
from scalegmn.graph._joining import join_graphs
from scalegmn.graph._parameter_fields import parameter_fields
from scalegmn.graph._plain_graph import PlainGraph
from scalegmn.graph._records import Records
from scalegmn.graph._tiles import kept_tile
from scalegmn.networks import Architecture


@final
@dataclass(frozen=True, eq=False)
class NetworkBatch:
    """B networks with their parameters, sorted by architecture: what metanetworks read and editors give back.

    The graph of all networks, :attr:`graph`, is drawn when a model first asks for it.

    Args:
        parts: per architecture, the parameters ``(b, P)`` of its networks.
        positions: the index of every network in the set that the batch was taken from, in the order of
            `parts`.
        targets: what is to be learned about every network, in the order of `parts`: a tensor, or
            :class:`Records` where it is several things.

    Shapes: `positions` ``(B,)``, `targets` ``(B, ...)``.

    Raises:
        GraphError: no networks, or other numbers of networks, positions and targets.

    Example:
        >>> import torch
        >>> from scalegmn import NetworkBatch, siren
        >>> small, large = siren(widths=(2, 4, 1)), siren(widths=(2, 8, 1))
        >>> parts = ((small, torch.randn(3, 17)), (large, torch.randn(2, 33)))
        >>> batch = NetworkBatch(parts, positions=torch.arange(5))
        >>> len(batch), batch.graph.num_graphs
        (5, 5)

        Networks of one architecture are a batch by themselves:

        >>> NetworkBatch.from_parameters(small, torch.randn(3, 17)).graph.num_graphs
        3
    """

    parts: tuple[tuple[Architecture, Tensor], ...]
    positions: Tensor
    targets: Tensor | Records | None = None

    def __post_init__(self) -> None:
        count = sum(len(theta) for _, theta in self.parts)
        if not count:
            raise GraphError("a batch without networks; expected at least one")
        lengths = [len(self.positions), *([] if self.targets is None else [len(self.targets)])]
        if any(length != count for length in lengths):
            raise GraphError(f"a batch of {count} networks has {lengths} positions and targets")

    @classmethod
    def from_parameters(
        cls, architecture: Architecture, theta: Tensor, targets: Tensor | None = None
    ) -> NetworkBatch:
        """Networks ``theta (B, P)`` of one architecture, numbered from 0."""
        return cls(((architecture, theta),), torch.arange(len(theta), device=theta.device), targets)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.parts[0][1].device

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architectures, in the order of `parts`."""
        return tuple(architecture for architecture, _ in self.parts)

    @property
    def single(self) -> tuple[Architecture, Tensor]:
        """The only architecture and the parameters of all networks.

        Raises:
            GraphError: there are several architectures.
        """
        if len(self.parts) != 1:
            raise GraphError(
                f"a batch of {len(self.parts)} architectures, expected one; use a metanetwork that reads "
                "mixed architectures, such as ScaleGMN"
            )
        return self.parts[0]

    @property
    def theta(self) -> Tensor:
        """The parameters ``(B, P)`` of networks whose parameters have the same names and shapes.

        Such networks may still differ, for example in their activations.

        Raises:
            GraphError: the parameters differ.
        """
        first = self.architectures[0]
        for other in self.architectures[1:]:
            if other.parameters != first.parameters:
                raise GraphError(
                    f"networks {first.describe()} and {other.describe()} in one batch, expected parameters "
                    "of the same names and shapes; use a metanetwork that reads mixed architectures, such as "
                    "ScaleGMN"
                )
        return torch.cat([theta for _, theta in self.parts])

    @cached_property
    def graph(self) -> PlainGraph:
        """All networks as one graph, in the order of `parts`, without labels.

        Batches share what does not depend on parameters: nobody may write into its fields.

        Raises:
            GraphError: the parameters of a part are not those of its architecture.
        """
        graphs = [_drawn(architecture, theta) for architecture, theta in self.parts]
        return graphs[0] if len(graphs) == 1 else join_graphs(graphs)

    def to(self, device: torch.device | str) -> NetworkBatch:
        """A copy on another device; itself where it is there already."""
        if self.device == torch.device(device):
            return self
        return NetworkBatch(
            tuple((architecture, theta.to(device)) for architecture, theta in self.parts),
            self.positions.to(device),
            None if self.targets is None else self.targets.to(device),
        )

    def double(self) -> NetworkBatch:
        """A copy whose parameters are float64."""
        return self.with_theta([theta.double() for _, theta in self.parts])

    def with_theta(self, thetas: Sequence[Tensor]) -> NetworkBatch:
        """The same networks with other parameters, one tensor ``(b, P)`` per part."""
        parts = tuple(
            (architecture, theta) for (architecture, _), theta in zip(self.parts, thetas, strict=True)
        )
        return NetworkBatch(parts, self.positions, self.targets)


def _drawn(architecture: Architecture, theta: Tensor) -> PlainGraph:
    """Networks ``theta (B, P)`` of one architecture as one graph."""
    if theta.ndim != 2 or theta.shape[1] != architecture.num_parameters:
        raise GraphError(
            f"theta has shape {tuple(theta.shape)}, expected (B, {architecture.num_parameters}) for "
            f"{architecture.describe()}"
        )
    structure = kept_tile(architecture, theta.shape[0], theta.device)
    return PlainGraph({**structure, **parameter_fields(architecture, theta)})
