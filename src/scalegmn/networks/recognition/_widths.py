"""Architectures that are another one with other widths of hidden layers."""

from __future__ import annotations

import dataclasses

from scalegmn.networks import Conv, Dense, Layer, LayeredArchitecture
from scalegmn.networks.recognition._variants import meaning


def differs_in_width(architecture: LayeredArchitecture, other: LayeredArchitecture) -> bool:
    """Whether two networks are the same but for the names and the widths of their hidden layers.

    Example:
        >>> from scalegmn import Activation, mlp
        >>> from scalegmn.networks.recognition import differs_in_width
        >>> wide, narrow, deep = (
        ...     mlp(widths=widths, activations=[Activation("relu")] * (len(widths) - 2))
        ...     for widths in ((2, 9, 1), (2, 5, 1), (2, 5, 5, 1))
        ... )
        >>> differs_in_width(wide, narrow), differs_in_width(wide, deep)
        (True, False)
    """
    return _without_widths(architecture) == _without_widths(other)


def _without_widths(architecture: LayeredArchitecture) -> tuple[object, ...]:
    """What is left of a network when the widths of its hidden layers are left out."""
    named = meaning(architecture).as_layers or architecture
    last = named.stages[-1].weighted
    layers = tuple(_without_width(layer) for layer in named.layers)
    skips = tuple(dataclasses.replace(skip, channels=1) for skip in named.skips)
    return (layers, skips, named.num_inputs, last.outputs)


def _without_width(layer: Layer) -> Layer:
    if isinstance(layer, Dense):
        return dataclasses.replace(layer, inputs=1, outputs=1)
    if isinstance(layer, Conv):
        return dataclasses.replace(layer, inputs=layer.groups, outputs=layer.groups)
    return layer
