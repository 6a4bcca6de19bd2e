"""Which parameters of a program are weights, and which biases of these."""

from __future__ import annotations

from collections.abc import Sequence

from scalegmn.networks import Parameter, WeightedParameters


def weighted_parameters(parameters: Sequence[Parameter]) -> tuple[WeightedParameters, ...]:
    """Weights with their biases, by their names and ranks.

    Args:
        parameters: in order.
    """
    vectors = {one.name: one for one in parameters if len(one.shape) == 1}
    biases = {one.name: bias for one in parameters if (bias := vectors.get(_bias_name(one.name))) is not None}
    owned = {bias.name for bias in biases.values()}
    return tuple(
        WeightedParameters(_layer(one.name), one, biases.get(one.name))
        for one in parameters
        if one.name not in owned
    )


def _bias_name(name: str) -> str:
    """Such as ``conv.bias`` of ``conv.weight``, or ``in_proj_bias`` of ``in_proj_weight``."""
    layer, dot, leaf = name.rpartition(".")
    found = leaf.replace("weight", "bias")
    return f"{layer}{dot}{found}" if found != leaf else ""


def _layer(name: str) -> str:
    layer, _, leaf = name.rpartition(".")
    return layer if leaf == "weight" else name
