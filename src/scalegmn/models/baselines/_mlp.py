"""The MLP at the end of every baseline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def make_mlp(
    *, inputs: int, hidden: Sequence[int], outputs: int, dropout: float, layer_norm: bool
) -> nn.Sequential:
    """Linear maps with SiLU between them, ``(..., inputs)`` to ``(..., outputs)``.

    Args:
        inputs: numbers that it reads.
        hidden: widths of its hidden layers.
        outputs: numbers that it gives.
        dropout: rate behind every hidden layer.
        layer_norm: normalize every hidden layer, before SiLU.
    """
    layers: list[nn.Module] = []
    for width, after in pairwise((inputs, *hidden)):
        layers += [nn.Linear(width, after)]
        layers += [nn.LayerNorm(after)] if layer_norm else []
        layers += [nn.SiLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear([inputs, *hidden][-1], outputs))
