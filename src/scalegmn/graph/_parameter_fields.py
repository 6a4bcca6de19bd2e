"""The fields of graphs that hold parameters."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from scalegmn.graph._layouts import layout_of
from scalegmn.networks import CONSTANT, Architecture


def parameter_fields(architecture: Architecture, theta: Tensor) -> dict[str, Tensor]:
    """The fields that hold parameters, of all networks ``(B, P)`` one after the other."""
    values = {}
    for name, source in _sources(architecture, theta.device).items():
        value = theta.index_select(1, source.places)
        if source.constant is not None:
            value = torch.where(source.constant, source.value.to(theta.dtype), value)
        if source.reciprocal is not None:
            # A divisor of 0 divides nothing: such a network computes no numbers.
            value = torch.where(
                source.reciprocal & (value != 0), 1 / torch.where(value == 0, 1, value), value
            )
        values[name] = value.reshape(-1)
    return values


class _Source(NamedTuple):
    """Where a field comes from: the parameter of every row, which rows are constant (None: none is) and what
    these hold, and which hold 1 divided by the parameter (None: none does)."""

    places: Tensor
    constant: Tensor | None
    value: Tensor
    reciprocal: Tensor | None


@lru_cache(maxsize=1024)
def _sources(architecture: Architecture, device: torch.device) -> dict[str, _Source]:
    layout = layout_of(architecture)
    sources: dict[str, tuple[Tensor, Tensor | float]] = {
        "tap_weight": (layout.tap_parameter, 1.0),
        "node_bias": (layout.bias_parameter, 0.0),
        "node_value": (layout.value_parameter, layout.value),
    }
    found: dict[str, _Source] = {}
    # What inference mode makes cannot be used by a later training.
    with torch.inference_mode(False):
        for name, (places, value) in sources.items():
            constant = (places == CONSTANT).to(device)
            fixed = torch.as_tensor(value).clone().to(device)
            inverse = layout.tap_reciprocal if name == "tap_weight" else None
            found[name] = _Source(
                places.clamp_min(0).to(device),
                constant if constant.any() else None,
                fixed,
                None if inverse is None else inverse.to(device),
            )
    return found
