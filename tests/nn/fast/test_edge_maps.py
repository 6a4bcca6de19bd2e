"""Linear maps of edges, as a whole and in parts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.nn.fast._chunks import chunks
from scalegmn.nn.fast._edge_maps import EdgeMap
from scalegmn.nn.fast._factored import Edges, Factored, materialize
from scalegmn.seeding import generator

COUNT = 11
FORMS = ("at once", "in parts", "factored", "factored in parts")


def leaves() -> list[Tensor]:
    """Columns, vectors and a weight; edges are the product of the first two."""
    rng = generator(0, "edge maps")
    shapes = ((COUNT, 2), (2, 5), (4, 5))
    return [torch.randn(shape, generator=rng, dtype=torch.float64, requires_grad=True) for shape in shapes]


def edge_map(form: str, columns: Tensor, vectors: Tensor, weight: Tensor) -> EdgeMap:
    edges: Edges = Factored(columns, vectors) if "factored" in form else columns @ vectors
    return EdgeMap.from_weight(edges, weight, in_parts="parts" in form)


@pytest.mark.parametrize("most", [None, 1, 4, 11, 100])
@pytest.mark.parametrize("form", FORMS)
def test_parts_are_the_whole(form: str, most: int | None) -> None:
    given, slices = leaves(), chunks(COUNT, most)
    columns, vectors, weight = given
    parts = list(edge_map(form, *given).parts(slices))
    assert [materialize(part).shape[0] for part in parts] == [part.stop - part.start for part in slices]
    found, expected = torch.cat([materialize(part) for part in parts]), (columns @ vectors) @ weight.T
    torch.testing.assert_close(found, expected)
    upward = torch.randn(expected.shape, generator=generator(1), dtype=torch.float64)
    for one, other in zip(*(torch.autograd.grad(x, given, upward) for x in (found, expected)), strict=True):
        torch.testing.assert_close(one, other)


def test_products_stay_products() -> None:
    parts = list(edge_map("factored", *leaves()).parts(chunks(COUNT, 4)))
    assert all(isinstance(part, Factored) for part in parts)
    assert isinstance(next(edge_map("at once", *leaves()).parts(chunks(COUNT, 4))), Tensor)


def test_in_parts_nothing_is_mapped_before_it_is_asked_for() -> None:
    columns, vectors, weight = leaves()
    edges = columns @ vectors
    lazy = EdgeMap.from_weight(edges, weight, in_parts=True)
    assert lazy.edges is edges and lazy.weight is weight
    eager = EdgeMap.from_weight(edges, weight, in_parts=False)
    assert eager.weight is None and isinstance(eager.edges, Tensor) and eager.edges.shape == (COUNT, 4)
    # Of the lazy one, the rest is not mapped either when the first part is.
    first = next(lazy.parts(chunks(COUNT, 4)))
    assert isinstance(first, Tensor) and first.shape == (4, 4)


@pytest.mark.parametrize("form", FORMS)
def test_no_edges(form: str) -> None:
    _, vectors, weight = leaves()
    empty = edge_map(form, torch.zeros(0, 2, dtype=torch.float64), vectors, weight)
    assert list(empty.parts(chunks(0, 4))) == []
