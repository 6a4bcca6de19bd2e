"""The perceptron at the end of every baseline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def perceptron(
    *, inputs: int, hidden: Sequence[int], outputs: int, dropout: float, layer_norm: bool
) -> nn.Sequential:
    """Linear maps with SiLU between them, ``(..., inputs)`` to ``(..., outputs)``.

    Args:
        inputs: numbers that it reads.
        hidden: widths of its hidden layers.
        outputs: numbers that it gives.
        dropout: rate behind every hidden layer.
        layer_norm: normalise every hidden layer, before SiLU.
    """
    layers: list[nn.Module] = []
    for width, after in pairwise((inputs, *hidden)):
        layers += [nn.Linear(width, after)]
        layers += [nn.LayerNorm(after)] if layer_norm else []
        layers += [nn.SiLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear([inputs, *hidden][-1], outputs))


def perceptron_mistakes(*, hidden: Sequence[int], dropout: float) -> list[str]:
    """What is wrong with the options of a perceptron."""
    mistakes = []
    if not hidden or min(hidden) < 1:
        mistakes.append(f"hidden is {hidden!r}, expected one or more widths of at least 1")
    if not 0 <= dropout < 1:
        mistakes.append(f"dropout is {dropout!r}, expected a rate in [0, 1)")
    return mistakes


def size_mistakes(sizes: dict[str, int], *, least: int = 1) -> list[str]:
    """Those of the named sizes that are too small."""
    return [f"{name} is {size!r}, expected at least {least}" for name, size in sizes.items() if size < least]
