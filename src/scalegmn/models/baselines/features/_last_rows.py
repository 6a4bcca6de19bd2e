"""The rows of a classifier's last layer, one for each class, and which of them is unlike the others.

The robust z-score is that of Iglewicz and Hoaglin 1993, as Neural Cleanse (Wang et al. 2019) asks it of
triggers that were searched for; here it is asked of the weights themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.networks import Architecture

# The median absolute deviation of normal numbers, times this, is their standard deviation.
_NORMAL: Final = 1.4826
# In steps of the precision; values that differ by less count as the same, whatever order sums were made in.
_ROUNDING: Final = 100


def common_classes(architectures: Sequence[Architecture], *, reader: str) -> int:
    """How many outputs every network has.

    Args:
        architectures: one or more.
        reader: who asks, for the message.

    Raises:
        ConfigurationError: they have different numbers of outputs.
    """
    counts = sorted({architecture.num_outputs for architecture in architectures})
    if len(counts) > 1:
        raise ConfigurationError(
            f"{reader} reads networks with as many outputs, there are some with {counts}; "
            "choose networks with data.where, or other features"
        )
    return counts[0]


def last_rows(
    architecture: Architecture, theta: Float[Tensor, "B P"], *, classes: int, reader: str
) -> tuple[Float[Tensor, "B classes n"], Float[Tensor, "B classes"]]:
    """The weights of every class in the last layer, and its bias, 0 where there are none.

    In a program, the last layer is the last matrix with a row for each output.

    Args:
        architecture: of the networks.
        theta: their parameters.
        classes: outputs that they have to have.
        reader: what asks, for the message.

    Raises:
        GraphError: they have other outputs, or no such matrix.
    """
    if architecture.num_outputs != classes:
        raise GraphError(
            f"{architecture.describe()} has {architecture.num_outputs} outputs, but the model was made "
            f"for {classes}; make it for these networks"
        )
    parameters = architecture.unflatten(theta)
    layers = [one for one in architecture.weighted if one.has_rows(classes)]
    if not layers:
        raise GraphError(
            f"{architecture.describe()} has no matrix with a row for each of its {classes} outputs, "
            f"which {reader} reads; choose other features"
        )
    rows = parameters[layers[-1].weight.name].flatten(2)
    bias = layers[-1].bias
    return rows, rows.new_zeros(rows.shape[:2]) if bias is None else parameters[bias.name]


def robust_z_scores(values: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch classes"]:
    """``(x - median) / (1.4826 median |x - median|)`` over classes; 0 where most have the same value, up to
    rounding.

    Law: does not change when all classes' values are multiplied by one positive number, or one is added.
    """
    away = values - _median(values)
    spread = _NORMAL * _median(away.abs())
    rounding = _ROUNDING * torch.finfo(values.dtype).eps * values.abs().amax(dim=-1, keepdim=True)
    return torch.where(spread > rounding, away / spread.clamp_min(1e-30), 0.0)


def _median(values: Tensor) -> Tensor:
    # Not torch.median, which takes the lower one of two in the middle.
    ordered, middle = values.sort(dim=-1).values, values.shape[-1] - 1
    return (ordered[..., middle // 2] + ordered[..., (middle + 1) // 2]).unsqueeze(-1) / 2
