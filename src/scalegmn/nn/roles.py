"""Maps that differ for hidden neurons and for input and output neurons."""

from __future__ import annotations

from typing import final

import torch
from torch import nn
from torch.nn.functional import linear

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.equivariant import ScaleEquivariant
from scalegmn.nn.factored import Features, affine
from scalegmn.nn.mlp import MLP
from scalegmn.nn.segments import Incidence
from scalegmn.nn.style import LayerStyle
from scalegmn.shapes import MappedNodes, MappedRows, NodeExtras, NodeFeatures, Rows


@final
class LabelledMap(nn.Module):
    """The map of input or output neurons, whose factor is always 1: any function keeps their law.

    Args:
        inputs: width of x.
        outputs: width of the result.
        style: ``plain_io`` decides between ``MLP(x)`` and ``(W x) * MLP(x)``, the form that hidden
            neurons have.
    """

    def __init__(self, inputs: int, outputs: int, *, style: LayerStyle) -> None:
        super().__init__()
        self.mlp = MLP(inputs, outputs, style=style.mlp)
        self.linear = None if style.plain_io else nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Rows) -> MappedRows:
        """``(M, inputs)`` to ``(M, outputs)``."""
        return self.mlp(x) if self.linear is None else self.linear(x) * self.mlp(x)

    def summed(self, x: Features, receivers: Incidence) -> MappedNodes:
        """The sum of the maps of the entries ``(M, inputs)`` of every row, ``(V, outputs)``."""
        last, hidden = self.mlp.last, self.mlp.activate(affine(self.mlp.first, x))
        if self.linear is not None:
            return receivers.sum(affine(self.linear, x) * last(hidden))
        # The last map of the perceptron is linear: it is applied once to the sum, its bias once per entry.
        return linear(receivers.sum(hidden), last.weight) + receivers.counts.to(hidden) * last.bias


@final
class LabelledMaps(nn.Module):
    """The maps of input and of output neurons: one in common or one each (``separate_io``)."""

    def __init__(self, inputs: int, outputs: int, *, style: LayerStyle) -> None:
        super().__init__()
        self.of_outputs = LabelledMap(inputs, outputs, style=style)
        self.of_inputs = LabelledMap(inputs, outputs, style=style) if style.separate_io else self.of_outputs


@final
class NodeUpdate(nn.Module):
    """ScaleEq on hidden neurons, maps of their own on input and output neurons.

    Args:
        inputs: width of the features, all of one law.
        style: ``features`` is the width of the result.
        extras: width of invariant extras.

    Law: that of the features.
    """

    def __init__(self, inputs: int, *, style: LayerStyle, extras: int) -> None:
        super().__init__()
        outputs = style.features
        self.hidden = ScaleEquivariant(
            inputs, outputs, extras=extras, symmetrise=style.symmetrise, style=style.mlp
        )
        self.labelled = LabelledMaps(inputs, outputs, style=style)

    def forward(self, x: NodeFeatures, at: Arrangement, extras: NodeExtras | None) -> MappedNodes:
        """``(V, inputs)`` and extras of all nodes ``(V, extras)`` to ``(V, features)``."""
        hidden_extras = None if extras is None else at.by_role(extras)[1]
        inputs, hidden, outputs = at.by_role(x)
        return torch.cat(
            [
                self.labelled.of_inputs(inputs),
                self.hidden(hidden, at.hidden_rows, hidden_extras),
                self.labelled.of_outputs(outputs),
            ]
        )
