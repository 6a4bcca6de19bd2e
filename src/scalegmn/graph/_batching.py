"""The structure of networks of one architecture side by side."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from scalegmn.graph._fields import INDEX_FIELDS


def tile(structure: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """The structure of `count` networks one after the other, and which network every neuron belongs to."""
    nodes = structure["node_role"].numel()
    tiled = {
        name: value.repeat(count, *(1,) * (value.ndim - 1))
        for name, value in structure.items()
        if name not in INDEX_FIELDS
    }
    offsets = torch.arange(count)[None, :, None] * nodes
    for name in INDEX_FIELDS & structure.keys():
        ends = structure[name]
        tiled[name] = (ends[:, None, :] + offsets).reshape(ends.shape[0], -1)
    tiled["batch"] = torch.arange(count).repeat_interleave(nodes)
    tiled["ptr"] = torch.arange(count + 1) * nodes
    return tiled
