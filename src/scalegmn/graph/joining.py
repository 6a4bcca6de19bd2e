"""Several batches of graphs as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch_geometric.data import Batch

from scalegmn.graph.fields import FIELDS
from scalegmn.graph.network_graph import NetworkGraph


def join_graphs(graphs: Sequence[NetworkGraph]) -> NetworkGraph:
    """All networks of `graphs` as one batch, in their order, without labels.

    The result has the fields of ``Batch.from_data_list`` over the single networks, but cannot be taken
    apart again: metanetworks read it, nothing else does.
    """
    device = graphs[0].node_bias.device
    nodes = [graph.node_role.numel() for graph in graphs]
    offsets = [sum(nodes[:place]) for place in range(len(nodes))]
    joined = Batch(_base_cls=NetworkGraph)
    for field in FIELDS:
        values = [graph[field.name] for graph in graphs]
        if field.name == "edge_index":
            values = [value + offset for value, offset in zip(values, offsets, strict=True)]
        joined[field.name] = torch.cat(values, dim=1 if field.name == "edge_index" else 0)
    sizes = torch.cat([_sizes(graph) for graph in graphs]).to(device)
    joined["num_nodes"] = sum(nodes)
    joined["batch"] = torch.repeat_interleave(sizes)
    joined["ptr"] = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    joined._num_graphs = len(sizes)
    return joined


def _sizes(graph: NetworkGraph) -> torch.Tensor:
    """Nodes of every network of a batch, ``(B,)``."""
    if "batch" not in graph:
        return torch.tensor([graph.node_role.numel()])
    sizes: torch.Tensor = graph._store["ptr"].diff()
    return sizes
