"""What PyTorch Geometric keeps about a batch beside its fields."""

from __future__ import annotations

import torch

from scalegmn.graph._fields import FIELDS
from scalegmn.graph._geometric import Batch
from scalegmn.graph._layout import GraphLayout
from scalegmn.graph._network_graph import NetworkGraph
from scalegmn.graph._plain_graph import PlainGraph


def batch_of(graph: PlainGraph) -> NetworkGraph:
    """A batch with the tensors of `graph`, and with what PyG keeps to take single graphs out again."""
    count, nodes = graph.num_graphs, graph.ptr.diff().cpu()
    edges = torch.bincount(graph.batch[graph.edge_index[1]], minlength=count)
    taps = edges.new_zeros(count).index_add(0, graph.batch[graph.edge_index[1]], graph.edge_taps)
    products = torch.bincount(graph.batch[graph.product_index[2]], minlength=count)
    lengths = {"V": nodes, "E": edges.cpu(), "T": taps.cpu(), "H": products.cpu()}
    starts = {rows: torch.cat([many.new_zeros(1), many.cumsum(0)]) for rows, many in lengths.items()}
    batch = Batch(_base_cls=NetworkGraph)
    for name in (*(field.name for field in FIELDS), "batch", "ptr"):
        batch[name] = graph[name]
    batch["num_nodes"] = graph.num_nodes
    batch._store._num_nodes = nodes.tolist()
    batch._num_graphs = count
    batch._slice_dict = {field.name: starts[field.rows] for field in FIELDS}
    none = torch.zeros(count, dtype=torch.long)
    batch._inc_dict = {field.name: starts["V"][:-1] if field.is_index else none for field in FIELDS}
    return batch


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
