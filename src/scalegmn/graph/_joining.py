"""Several batches of graphs as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from scalegmn.graph._any_graph import AnyGraph
from scalegmn.graph._cache import Cache
from scalegmn.graph._fields import FIELDS
from scalegmn.graph._plain_graph import PlainGraph
from scalegmn.graph._structure import TENSORS, Structure

_JOINED: Final[Cache[dict[str, Tensor]]] = Cache(limit=2**22)
"""Index tensors of joined batches, 32 MB of them at most and those of their parts."""


def join_graphs(graphs: Sequence[AnyGraph]) -> PlainGraph:
    """All networks of `graphs` as one batch, in their order, without labels.

    The result has the fields of ``Batch.from_data_list`` over the single networks.  Joined batches of the
    same structures share the fields without parameters; nobody may write into these.
    """
    structures = [Structure.from_graph(graph) for graph in graphs]
    tensors = [tensor for structure in structures for tensor in structure.tensors]
    shared = _JOINED.get(tensors, None, lambda: _joined(structures))
    names = [field.name for field in FIELDS if field.name not in TENSORS]
    return PlainGraph({**shared, **{name: torch.cat([graph[name] for graph in graphs]) for name in names}})


def _joined(structures: Sequence[Structure]) -> dict[str, Tensor]:
    """The fields without parameters, and the networks of all neurons."""
    # Of tensors made in inference mode nothing is kept, no plan either.
    with torch.inference_mode(False):
        return _concatenated(structures)


def _concatenated(structures: Sequence[Structure]) -> dict[str, Tensor]:
    names = [field.name for field in FIELDS if field.name in TENSORS and not field.is_index]
    joined = {name: torch.cat([getattr(structure, name) for structure in structures]) for name in names}
    ends: dict[str, list[Tensor]] = {field.name: [] for field in FIELDS if field.is_index}
    networks, nodes, count = [], 0, 0
    for structure in structures:
        for name, columns in ends.items():
            columns.append(getattr(structure, name) + nodes)
        networks.append(structure.node_network + count)
        nodes, count = nodes + structure.node_role.numel(), count + structure.num_graphs
    joined.update({name: torch.cat(columns, dim=1) for name, columns in ends.items()})
    joined["batch"] = torch.cat(networks)
    sizes = torch.bincount(joined["batch"], minlength=count)
    joined["ptr"] = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    return joined
