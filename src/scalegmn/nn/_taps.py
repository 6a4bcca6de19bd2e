"""Between the K weights of an edge and its D features, whatever K is.  *Beyond the paper.*"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from scalegmn.graph import Structure
from scalegmn.networks import EdgeType
from scalegmn.shapes import CopiesOfTaps, EdgeFeatures, TapScalars

TABLED_KERNELS = (1, 3, 5, 7)
"""Square kernels whose taps have learned vectors of their own; other kernels and maps use an MLP."""


@dataclass(frozen=True, eq=False)
class TapBlock:
    """All edges of a batch that have taps of one kind.

    Attributes:
        kind, height, width: what the K = height * width taps are.
        edges: indices of the edges, ``(n,)``.
        taps: indices of their taps, ``(n, K)``.
    """

    kind: EdgeType
    height: int
    width: int
    edges: Tensor
    taps: Tensor


def tap_blocks(structure: Structure) -> list[TapBlock]:
    """Edges of `structure` grouped by what their taps are."""
    counts = structure.edge_taps
    starts = counts.cumsum(0) - counts
    if not counts.numel():
        return []
    # One number for what an edge's taps are: finding different numbers is far quicker than different rows.
    base = int(structure.edge_kernel.max()) + 1
    described = (structure.edge_type * base + structure.edge_kernel[:, 0]) * base + structure.edge_kernel[
        :, 1
    ]
    blocks = []
    for code in described.unique().tolist():
        kind, height, width = code // base**2, code // base % base, code % base
        edges = torch.nonzero(described == code).squeeze(1)
        within = torch.arange(height * width, device=edges.device)
        blocks.append(TapBlock(EdgeType(kind), height, width, edges, starts[edges].unsqueeze(1) + within))
    return blocks


@final
class TapVectors(nn.Module):
    """A learned vector for every position of a tap, ``(K, D)``.

    Args:
        features: D.
        hidden: width of the MLP for kernels and maps of unusual size.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        sizes = {"dense": 1, "skip": 1} | {f"kernel{size}": size * size for size in TABLED_KERNELS}
        tables = {name: nn.Parameter(torch.randn(taps, features) / taps**0.5) for name, taps in sizes.items()}
        self.tables = nn.ParameterDict(tables)
        self.of_position = nn.Sequential(nn.Linear(9, hidden), nn.SiLU(), nn.Linear(hidden, features))

    def forward(self, block: TapBlock) -> Tensor:
        """The vectors of the block's taps, ``(K, D)``."""
        if block.kind is EdgeType.dense:
            return self.tables["dense"]
        if block.kind is EdgeType.skip:
            return self.tables["skip"]
        square = block.height == block.width and block.height in TABLED_KERNELS
        if block.kind is EdgeType.convolution and square:
            return self.tables[f"kernel{block.height}"]
        vectors: Tensor = self.of_position(_positions(block).to(self.tables["dense"]))
        return vectors / (block.height * block.width) ** 0.5


def _positions(block: TapBlock) -> Tensor:
    """Nine numbers per tap: its position on [-1, 1], waves of it, the size, and the type, ``(K, 9)``."""
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, block.height) if block.height > 1 else torch.zeros(1),
        torch.linspace(-1, 1, block.width) if block.width > 1 else torch.zeros(1),
        indexing="ij",
    )
    places = [y, x, (torch.pi * y).sin(), (torch.pi * y).cos(), (torch.pi * x).sin(), (torch.pi * x).cos()]
    sizes = [torch.full_like(y, block.height).log(), torch.full_like(y, block.width).log()]
    kind = torch.full_like(y, float(block.kind is EdgeType.flattened))
    return torch.stack([*places, *sizes, kind], dim=-1).reshape(-1, 9)


@final
class TapEncoder(nn.Module):
    r"""Weights of taps to features of edges.

    .. math:: e_{ij} = \sum_t w_{ij,t}\, \varphi(p_t)

    :math:`p_t` is the position of tap t in its kernel, or in the map that was flattened.

    Shapes: ``(T,)`` to ``(E, D)``.

    Law: edge to edge, since it is linear in the weights.
    """

    def __init__(self, *, features: int, hidden: int) -> None:
        super().__init__()
        self.vectors = TapVectors(features=features, hidden=hidden)

    def forward(self, weight: TapScalars, blocks: Sequence[TapBlock]) -> EdgeFeatures:
        """`blocks` are those of the graph that `weight` belongs to; edges in the order of the graph."""
        parts = [weight[block.taps] @ self.vectors(block) for block in blocks]
        if len(blocks) == 1:
            return parts[0]
        order = torch.cat([block.edges for block in blocks])
        joined = torch.cat(parts)
        return torch.empty_like(joined).index_copy(0, order, joined)


@final
class TapDecoder(nn.Module):
    r"""Features of edges to one number per tap, the transpose of :class:`TapEncoder`.

    .. math:: \Delta w_{ij,t} = \langle \psi(p_t),\, e_{ij} \rangle / \sqrt{D}

    For k networks that are written, features are dealt out to them: number m is made from the m-th of k
    equal parts of both vectors, and D is the length of a part.  There are no more parameters than for one.
    Taps of skip connections are constants of the architecture and get 0.

    Args:
        features: D.
        hidden: width of the MLP in :math:`\psi`.
        copies: k, a divisor of D.

    Shapes: ``(E, D)`` to ``(k, T)``.

    Law: edge to edge.
    """

    def __init__(self, *, features: int, hidden: int, copies: int = 1) -> None:
        super().__init__()
        self.copies = copies
        self.vectors = TapVectors(features=features, hidden=hidden)

    def forward(self, edges: EdgeFeatures, blocks: Sequence[TapBlock]) -> CopiesOfTaps:
        """`blocks` are those of the graph; edges in the order of the graph."""
        parts = deal_out(edges, self.copies)
        taps = edges.new_zeros(self.copies, sum(block.taps.numel() for block in blocks))
        for block in blocks:
            if block.kind is not EdgeType.skip:
                values = parts.index_select(1, block.edges) @ deal_out(self.vectors(block), self.copies).mT
                taps = taps.index_copy(1, block.taps.reshape(-1), values.flatten(1).to(taps.dtype))
        return taps / parts.shape[2] ** 0.5


def deal_out(features: Tensor, copies: int) -> Tensor:
    """Features ``(n, D)`` in equal parts, ``(k, n, D / k)``."""
    return features.unflatten(1, (copies, -1)).transpose(0, 1)
