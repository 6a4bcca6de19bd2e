"""The features of edges before the first layer as columns of taps times vectors of taps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from scalegmn.nn import TapBlock, TapEncoder
from scalegmn.shapes import TapScalars


def tap_columns(weight: TapScalars, blocks: Sequence[TapBlock]) -> Tensor:
    """The weights of every edge, each in the column of its tap, ``(E, R)``; in the order of the graph.

    Its product with :func:`tap_vectors` is what a :class:`TapEncoder` gives.
    """
    if len(blocks) == 1:
        return weight[blocks[0].taps]
    width, start = count_columns(blocks), 0
    flat = weight.new_zeros(sum(block.edges.numel() for block in blocks) * width)
    for block in blocks:
        within = torch.arange(start, start + block.taps.shape[1], device=weight.device)
        places = block.edges.unsqueeze(1) * width + within
        flat = flat.index_copy(0, places.reshape(-1), weight[block.taps.reshape(-1)])
        start += block.taps.shape[1]
    return flat.reshape(-1, width)


def tap_vectors(encoder: TapEncoder, blocks: Sequence[TapBlock]) -> Tensor:
    """The vectors of the taps of all blocks, ``(R, D)``."""
    return torch.cat([encoder.vectors(block) for block in blocks])


def count_columns(blocks: Sequence[TapBlock]) -> int:
    """R, the number of different taps that the edges have."""
    return sum(block.taps.shape[1] for block in blocks)


def one_hot_columns(columns: Tensor, kinds: Tensor | None, count: int) -> Tensor:
    """Columns of their own for the edges of each of `count` kinds, ``(E, R)`` to ``(E, count * R)``."""
    if kinds is None:
        return columns
    chosen = torch.nn.functional.one_hot(kinds, count).to(columns)
    return (chosen.unsqueeze(2) * columns.unsqueeze(1)).flatten(1)
