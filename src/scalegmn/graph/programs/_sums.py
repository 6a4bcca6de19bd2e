"""Nodes of sums: a bias added to nodes, and nodes added to nodes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from scalegmn.networks import EdgeType

from ._products import as_maps, joint, spread
from ._values import Frame, varying
from ._wiring import NOTHING, Wires, Wiring, distinct


def biased(nodes: Tensor, places: Tensor, *, single: Sequence[bool], wiring: Wiring, one: Tensor) -> Tensor:
    """Nodes of ``x + b``.

    A parameter that changes along positions, where all positions are one node, is an edge from a constant
    input with one tap per position.

    Args:
        nodes: of x.
        places: parameters of b, of the same shape.
        single: the axes along which x had size 1 before it was broadcast: these are no positions.
        wiring: takes the new nodes, biases and edges.
        one: the node of the constant input, ``()``.
    """
    frame = Frame(tuple(nodes.shape), nodes.ndim)
    x, b, order = joint(nodes, places, frame)
    fine = _fine(order, [varying(nodes), varying(places)], single, frame)
    first, kind = distinct(torch.stack([x[:, 0], fine, torch.where(x[:, 0] == NOTHING, b[:, 0], NOTHING)], 1))
    start = wiring.reserve(len(first))
    made = torch.arange(start, start + len(first))
    wiring.connect(x[first, 0], made)
    terms = torch.stack([kind, b[:, 0]], dim=1)
    kept, _ = distinct(terms)
    terms = terms[kept][terms[kept][:, 1] != NOTHING]
    terms = terms[torch.argsort(terms[:, 0], stable=True)]
    target, places_of = made[terms[:, 0]], terms[:, 1]
    owners, counts = torch.unique_consecutive(target, return_counts=True)
    if bool((counts <= 1).all()):
        wiring.biases.append((target, places_of))
    else:
        wiring.charge(len(places_of))
        height, width = as_maps(counts)
        wiring.wires.append(
            Wires(
                source=one.expand(len(owners)),
                target=owners,
                counts=counts,
                kernel=torch.stack([height, width], dim=1),
                kind=EdgeType.flattened,
                places=places_of,
            )
        )
    return spread(made[kind].reshape([frame.shape[a] for a in order]), order, frame)


def summed(first: Tensor, second: Tensor, *, single: Sequence[Sequence[bool]], wiring: Wiring) -> Tensor:
    """Nodes of ``x + y``; where one of them is 0, the other one itself.

    Where one changes along positions and the other one is the same node at all of them, so is the sum.

    Args:
        first: nodes of x.
        second: nodes of y, of the same shape.
        single: for either, the axes along which it had size 1 before it was broadcast.
        wiring: takes the new nodes and links.
    """
    frame = Frame(tuple(first.shape), first.ndim)
    a, b, order = joint(first, second, frame)
    a, b = a[:, 0], b[:, 0]
    varies = (varying(first), varying(second))
    alone = [
        any(varies[k][axis] and not varies[1 - k][axis] and not single[1 - k][axis] for axis in order)
        for k in (0, 1)
    ]
    key = torch.stack([a, b], dim=1)
    if alone[0] != alone[1]:
        leader = b if alone[0] else a
        fine = _fine(order, varies, single[int(alone[0])], frame)
        other = torch.where(leader == NOTHING, torch.where(alone[0] & (b == NOTHING), a, b), NOTHING)
        key = torch.stack([leader, fine, other], dim=1)
    index, kind = distinct(key)
    lacking = torch.zeros(len(index), dtype=torch.bool)
    lacking[kind[(a == NOTHING) | (b == NOTHING)]] = True
    whole = torch.ones(len(index), dtype=torch.bool)
    whole[kind[(a != NOTHING) & (b != NOTHING)]] = False
    passed = lacking & whole
    made = torch.full((len(index),), NOTHING)
    made[passed] = torch.maximum(a, b)[index][passed]
    count = int((~passed).sum())
    start = wiring.reserve(count)
    made[~passed] = torch.arange(start, start + count)
    for part in (a, b):
        ends = torch.stack([part, made[kind]], dim=1)[~passed[kind]]
        ends = ends[distinct(ends)[0]] if len(ends) else ends
        wiring.connect(ends[:, 0], ends[:, 1])
    return spread(made[kind].reshape([frame.shape[axis] for axis in order]), order, frame)


def _fine(
    order: Sequence[int], varies: Sequence[Sequence[bool]], single: Sequence[bool], frame: Frame
) -> Tensor:
    """A number for every entry, which changes along axes that one summand got by broadcasting only."""
    sizes = [frame.shape[axis] for axis in order]
    number = torch.zeros(sizes, dtype=torch.int64)
    for position, axis in enumerate(order):
        if single[axis] and varies[0][axis] != varies[1][axis]:
            shape = [-1 if other == position else 1 for other in range(len(order))]
            number = number * sizes[position] + torch.arange(sizes[position]).reshape(shape)
    return number.reshape(-1)
