"""Nodes of sums of products: weights times nodes, and nodes times nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from scalegmn.networks import EdgeType
from scalegmn.symmetry.discovery import compressed

from ._collapsing import collapsed
from ._values import Frame, narrowed_to, varying
from ._wiring import NOTHING, Wires, Wiring, distinct


def weighted(nodes: Tensor, places: Tensor, frame: Frame, *, wiring: Wiring, reciprocal: bool) -> Tensor:
    r"""Nodes of ``y = sum w x``.

    Every different row of nodes that the weights meet makes nodes of its own, one for each row of weights:
    positions of a map read the same channels, and make one node, tokens of two kinds make two.

    Args:
        nodes: of the factor x, over all axes of the frame.
        places: parameters of the factor w, over the same axes.
        frame: the axes.
        wiring: takes the new nodes and edges.
        reciprocal: whether the weights are 1 divided by the parameters; then there are edges in the other
            direction as well, that carry the parameters themselves.

    Returns:
        The node of every entry of y.
    """
    x_varies, w_varies = varying(nodes), varying(places)
    axes = range(len(frame.shape))
    rows = [a for a in axes if a < frame.kept and x_varies[a] and not w_varies[a]]
    both = [a for a in axes if a < frame.kept and x_varies[a] and w_varies[a]]
    outs = [a for a in axes if a < frame.kept and w_varies[a] and not x_varies[a]]
    summed = [a for a in axes if a >= frame.kept and (x_varies[a] or w_varies[a])]
    parts = (rows, both, outs, summed)
    sizes = [math.prod(frame.shape[a] for a in part) for part in parts]
    x = _grid(nodes, parts, frame, without=2).squeeze(2)
    w = _grid(places, parts, frame, without=0).squeeze(0)
    first, kind = distinct(x.reshape(sizes[0], -1))
    x, count = x[first], len(first) * sizes[1] * sizes[2]
    wiring.charge(count * sizes[3])
    start = wiring.reserve(count)
    made = torch.arange(start, start + count).reshape(len(first), sizes[1], sizes[2])
    whole = (len(first), *sizes[1:])
    kernel = [frame.shape[a] for a in summed if w_varies[a] and not x_varies[a]]
    wires = _wires(
        x[:, :, None].expand(whole).reshape(-1),
        made[..., None].expand(whole).reshape(-1),
        w[None].expand(whole).reshape(-1),
        kernel=kernel,
        reciprocal=reciprocal,
    )
    wiring.wires.extend(wires)
    kept = [*rows, *both, *outs]
    return spread(made[kind].reshape([frame.shape[a] for a in kept]), kept, frame)


def multiplied(first: Tensor, second: Tensor, frame: Frame, *, wiring: Wiring) -> Tensor:
    """Nodes of ``y = sum a b``, both of which depend on inputs; zeros make none."""
    whole = collapsed(first, second, frame)
    first, second, frame = whole.first, whole.second, whole.frame
    a, b, order = joint(first, second, frame)
    nothing = (a == NOTHING) | (b == NOTHING)
    a, b = torch.where(nothing, NOTHING, a), torch.where(nothing, NOTHING, b)
    wiring.charge(a.numel())
    # Sums do not depend on the order of their terms, nor on how often one stands in them.
    base = wiring.count + 1
    codes = ((a + 1) * base + b + 1).sort(dim=1).values
    index, kind = distinct(codes)
    a, b, empty = a[index], b[index], nothing[index].all(dim=1)
    count = int((~empty).sum())
    start = wiring.reserve(count)
    made = torch.full((len(index),), NOTHING)
    made[~empty] = torch.arange(start, start + count)
    triples = torch.stack([a, b, made[:, None].expand_as(a)], dim=-1).reshape(-1, 3)
    triples = torch.unique(triples[triples[:, 0] != NOTHING], dim=0)
    wiring.pairs.append((triples[:, 0], triples[:, 1], triples[:, 2]))
    for factor in (0, 1):
        ends = torch.unique(triples[:, [factor, 2]], dim=0)
        wiring.connect(ends[:, 0], ends[:, 1])
    entries = spread(made[kind].reshape([frame.shape[axis] for axis in order]), order, frame)
    return compressed(whole.restored(entries))


def gathered(nodes: Tensor, kept: int, *, wiring: Wiring) -> tuple[Tensor, int]:
    """Nodes of symmetric functions of several entries; where all entries are one node, it is that one.

    Args:
        nodes: of the entries, ``kept`` axes that stay and others that go.
        kept: how many axes stay.
        wiring: takes the new nodes and links.

    Returns:
        The node of every entry of what stays, and the first new node.
    """
    start = wiring.count
    whole = collapsed(nodes, nodes, Frame(tuple(nodes.shape), kept))
    frame = whole.frame
    a, _, order = joint(whole.first, whole.second, frame)
    index, kind = distinct(a.sort(dim=1).values)
    a = a[index]
    top, found = a.max(dim=1).values, torch.full((len(index),), NOTHING)
    lowest = torch.where(a == NOTHING, wiring.count, a).min(dim=1).values
    single = (lowest == top) | (top == NOTHING)
    found[single] = top[single]
    count = int((~single).sum())
    begin = wiring.reserve(count)
    found[~single] = torch.arange(begin, begin + count)
    wiring.charge(a.numel())
    pairs = torch.stack([a[~single], found[~single][:, None].expand(count, a.shape[1])], dim=-1)
    pairs = torch.unique(pairs.reshape(-1, 2), dim=0)
    wiring.connect(pairs[:, 0], pairs[:, 1])
    entries = spread(found[kind].reshape([frame.shape[axis] for axis in order]), order, frame)
    return compressed(whole.restored(entries)), start


def joint(first: Tensor, second: Tensor, frame: Frame) -> tuple[Tensor, Tensor, list[int]]:
    """Both as matrices of entries that stay and terms that are summed, and the axes that stay, in order."""
    varies = [a or b for a, b in zip(varying(first), varying(second), strict=True)]
    kept = [axis for axis in range(frame.kept) if varies[axis]]
    summed = [axis for axis in range(frame.kept, len(frame.shape)) if varies[axis]]
    order = [*kept, *summed]
    rest = _others(order, range(len(frame.shape)))
    shape = (math.prod(frame.shape[a] for a in kept), math.prod(frame.shape[a] for a in summed))
    both = [narrowed_to(ids, varies).permute(order + rest).reshape(shape) for ids in (first, second)]
    return both[0], both[1], kept


def _grid(ids: Tensor, parts: Sequence[Sequence[int]], frame: Frame, *, without: int) -> Tensor:
    """Entries with one axis for each group of axes; one group, along which they do not change, has size 1."""
    order = [axis for part in parts for axis in part]
    arranged = narrowed_to(ids, varying(ids)).permute(order + _others(order, range(len(frame.shape))))
    shape = [
        1 if number == without else frame.shape[axis] for number, part in enumerate(parts) for axis in part
    ]
    arranged = arranged.reshape(arranged.shape[: len(order)]).expand(shape)
    return arranged.reshape(
        [
            1 if number == without else math.prod(frame.shape[axis] for axis in part)
            for number, part in enumerate(parts)
        ]
    )


def _others(order: list[int], axes: range) -> list[int]:
    return [axis for axis in axes if axis not in order]


def spread(entries: Tensor, order: list[int], frame: Frame) -> Tensor:
    """Entries along some axes that stay, in place among all of these."""
    inverse = sorted(range(len(order)), key=lambda position: order[position])
    entries = entries.permute(inverse)
    index = tuple(slice(None) if axis in order else None for axis in range(frame.kept))
    return compressed(entries[index].expand(frame.shape[: frame.kept]))


def _wires(
    source: Tensor, target: Tensor, places: Tensor, *, kernel: list[int], reciprocal: bool
) -> list[Wires]:
    """Edges of weights that stand in the order of their taps; those with unlike numbers of taps apart."""
    kept = (source != NOTHING) & (places != NOTHING)
    source, target, places = source[kept], target[kept], places[kept]
    order = torch.argsort(source, stable=True)
    order = order[torch.argsort(target[order], stable=True)]
    source, target, places = source[order], target[order], places[order]
    # One number for both ends: rows of two take many times as long to compare.
    base = int(source.max()) + 1 if source.numel() else 1
    codes, counts = torch.unique_consecutive(target * base + source, return_counts=True)
    ends = torch.stack([codes // base, codes % base])
    if not counts.numel():
        return []
    heights, widths, kind = _kernels(counts, kernel)
    wires = Wires(
        source=ends[1],
        target=ends[0],
        counts=counts,
        kernel=torch.stack([heights, widths], dim=1),
        kind=kind,
        places=places,
        reciprocal=reciprocal,
    )
    if not reciprocal:
        return [wires]
    back = Wires(
        source=ends[0],
        target=ends[1],
        counts=counts,
        kernel=wires.kernel,
        kind=EdgeType.divisor,
        places=places,
    )
    return [wires, back]


def _kernels(counts: Tensor, kernel: list[int]) -> tuple[Tensor, Tensor, EdgeType]:
    """Height, width and kind of taps: those of the kernel, or of the map that the positions make."""
    if bool((counts == 1).all()):
        return counts, counts, EdgeType.dense
    if kernel and bool((counts == math.prod(kernel)).all()):
        height = torch.full_like(counts, math.prod(kernel[:-1]))
        return height, counts // height, EdgeType.convolution
    return *as_maps(counts), EdgeType.flattened


def as_maps(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Sides of square maps, and otherwise of maps of one row."""
    sides = counts.double().sqrt().round().long()
    square = sides * sides == counts
    return torch.where(square, sides, 1), torch.where(square, sides, counts)
