"""Networks of one architecture side by side: their structure, and what PyG keeps about them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch_geometric.data import Batch

from scalegmn.graph._fields import FIELDS, INDEX_FIELDS
from scalegmn.graph._layout import GraphLayout


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


def index_graphs(batch: Batch, layout: GraphLayout, count: int) -> None:
    """What PyG keeps beside the fields so that single graphs can be taken out of a batch again."""
    nodes = layout.num_nodes
    lengths = {"V": nodes, "E": layout.num_edges, "T": layout.num_taps, "H": layout.num_products}
    numbers = torch.arange(count + 1)
    zeros = torch.zeros(count, dtype=torch.long)
    slices = {field.name: numbers * lengths[field.rows] for field in FIELDS}
    increments = {field.name: numbers[:-1] * nodes if field.is_index else zeros for field in FIELDS}
    if "y" in batch:
        slices["y"], increments["y"] = numbers, zeros
    batch._num_graphs = count
    batch._slice_dict = slices
    batch._inc_dict = increments
