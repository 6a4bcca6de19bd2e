"""Chains of nodes that are one neuron: a sum, its bias, its activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ._wiring import NOTHING


@final
@dataclass(frozen=True, eq=False)
class Chains:
    """What nodes are merged into.

    Attributes:
        root: for every node the one that stands for it, ``(V,)``.
        bias: the parameter that is added to each root, or NOTHING, ``(V,)``.
        function: the operation behind each root, as an index in a list of names, or NOTHING, ``(V,)``.
    """

    root: Tensor
    bias: Tensor
    function: Tensor


def merged(
    links: Tensor, *, ins: Tensor, outs: Tensor, bias: Tensor, function: Tensor, movable: Tensor
) -> Chains:
    """Merge nodes with the only one that they depend on, if nothing else depends on that.

    A node is a sum, to which a bias is added, to which a function is applied; what merges has to be of this
    form again.

    Args:
        links: edges of weight 1 between nodes of one law, ``(n, 2)``, sources first.
        ins, outs: how many edges end and begin at each node.
        bias: parameter of each node, or NOTHING.
        function: operation of each node, or NOTHING.
        movable: which nodes may stand for others: no inputs.
    """
    count = len(bias)
    root = list(range(count))
    biases, functions, out = bias.tolist(), function.tolist(), outs.tolist()
    free, into = movable.tolist(), ins.tolist()
    for source, target in links[links[:, 1].argsort(stable=True)].tolist():
        head = root[source]
        if out[head] != 1 or into[target] != 1 or not free[head]:
            continue
        if not _fits(biases[head], functions[head], biases[target], functions[target]):
            continue
        root[target] = head
        out[head] = out[target]
        biases[head] = biases[target] if biases[head] == NOTHING else biases[head]
        functions[head] = functions[target] if functions[head] == NOTHING else functions[head]
    return Chains(torch.tensor(root), torch.tensor(biases), torch.tensor(functions))


def _fits(bias: int, function: int, next_bias: int, next_function: int) -> bool:
    if next_bias != NOTHING and (bias != NOTHING or function != NOTHING):
        return False
    return next_function == NOTHING or function == NOTHING
