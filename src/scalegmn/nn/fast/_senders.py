"""Node features before the first layer: a scalar per node times the vector of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from scalegmn.nn.fast._alike import alike_nodes
from scalegmn.nn.fast._arrangement import Arrangement, Lane
from scalegmn.nn.fast._factored import Factored
from scalegmn.nn.fast._tap_columns import one_hot_columns
from scalegmn.shapes import NodeFeatures, NodeIntegers, NodeScalars

_MOST_COLUMNS: Final = 0.5
"""Products with more columns than this fraction of the features are materialized."""


@final
@dataclass(frozen=True, eq=False)
class FactoredNodes:
    """Features of nodes that send: ``numbers[j] * vectors[kind of j]``; of others anything.

    Attributes:
        numbers: ``(V,)``; the bias of a hidden neuron, 1 for an input or output.
        vectors: one for each kind of node, ``(C, D)``; kinds are those of `Arrangement.kinds`.

    Law: that of the numbers.
    """

    numbers: NodeScalars
    vectors: Float[Tensor, "C D"]

    def apply_linear(self, weight: Tensor) -> FactoredNodes:
        """``W x`` for a matrix ``(F, D)``."""
        return FactoredNodes(self.numbers, linear(self.vectors, weight))

    def product(self, lane: Lane, edges: Factored) -> Factored | None:
        """``x_j * e_ij`` for the edges of a lane; None where that would take too many columns.

        Numbers times vectors, times numbers times vectors: the product of the numbers, times that of the
        vectors for each pair of a kind of node and a column of edges.
        """
        kinds, places = lane.sender_kinds
        columns, width = edges.vectors.shape
        if len(kinds) * columns > _MOST_COLUMNS * width:
            return None
        vectors = (self.vectors.index_select(0, kinds).unsqueeze(1) * edges.vectors).flatten(0, 1)
        numbers = self.numbers.index_select(0, lane.senders.index).unsqueeze(1)
        found = one_hot_columns(edges.columns * numbers, places, len(kinds))
        return Factored(found, vectors, edges.single)


@final
@dataclass(frozen=True, eq=False)
class Start:
    """What nodes send in the first layer.

    Attributes:
        primal: forwards.
        dual: backwards; None in forward models.
        alike: equal codes for nodes with the same invariants; see :mod:`scalegmn.nn.fast._alike`.
    """

    primal: FactoredNodes
    dual: FactoredNodes | None
    alike: NodeIntegers | None


def start_of(
    bias: NodeScalars,
    of_bias: Tensor,
    encoding: NodeFeatures,
    dual_encoding: Tensor | None,
    at: Arrangement,
) -> Start | None:
    """The first features of a backbone in this form, or None for activations of a degree other than 1.

    Args:
        bias: scaled biases of the arranged nodes.
        of_bias: the features of a bias of 1, ``(D,)``.
        encoding: of the nodes, ``(V, D)``; the same for all nodes of a kind.
        dual_encoding: by what encodings of inputs and of outputs are multiplied backwards, ``(2, D)``.
        at: the batch.
    """
    if at.neurons.excess is not None:
        return None
    rows, hidden, alike = at.kinds.examples, at.neurons.is_hidden.squeeze(1), alike_nodes(bias, at)
    encoded, is_hidden = encoding.index_select(0, rows), hidden.index_select(0, rows).unsqueeze(1)
    own = encoded * of_bias
    primal = FactoredNodes(torch.where(hidden, bias, 1), torch.where(is_hidden, own, encoded))
    if dual_encoding is None:
        return Start(primal, None, alike)
    is_output = (rows >= at.neurons.outputs.start).unsqueeze(1)
    ends = encoded * torch.where(is_output, dual_encoding[1], dual_encoding[0])
    # Dual features of hidden neurons start at 0 where scales act.
    numbers = torch.where(hidden, torch.where(at.scaled, 0, bias), 1)
    dual = FactoredNodes(numbers, torch.where(is_hidden, own, ends))
    return Start(primal, dual, alike)
