"""The features of edges before the first layer, in low-rank form where that pays."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from scalegmn.graph import AnyGraph
from scalegmn.nn import PositionalEncoding, TapBlock, TapEncoder
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._factored import Factored
from scalegmn.nn.fast._tap_columns import count_columns, one_hot_columns, tap_columns, tap_vectors
from scalegmn.shapes import TapScalars


def factored_edges(
    weight: TapScalars,
    blocks: Sequence[TapBlock],
    at: Arrangement,
    *,
    taps: TapEncoder,
    projection: nn.Linear,
    positional: PositionalEncoding,
) -> Factored | None:
    """Projected and encoded features of edges; None where they would take more columns than features.

    Projection and encoding are linear: they act on the few vectors of taps, not on edges.
    """
    of_layer = positional.of_edge_layer
    parts = 1 if of_layer is None else len(of_layer)
    if parts * count_columns(blocks) > projection.out_features:
        return None
    layers = None if of_layer is None else positional.edge_layers(at.neurons, at.target.index)
    columns = one_hot_columns(at.edges(tap_columns(weight, blocks)), layers, parts)
    vectors: Tensor = projection(tap_vectors(taps, blocks))
    if of_layer is not None:
        vectors = (of_layer.unsqueeze(1) * vectors).flatten(0, 1)
    return Factored(columns, vectors, single=count_columns(blocks) == 1)


def encodes_by_kind(positional: PositionalEncoding, graph: AnyGraph, at: Arrangement) -> bool:
    """Whether all nodes of a kind (:attr:`Arrangement.kinds`) have one encoding."""
    return not bool(positional.deviation(graph, at.neurons).any())
