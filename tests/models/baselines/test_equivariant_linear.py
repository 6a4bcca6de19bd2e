from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.models.baselines._equivariant_linear import EquivariantLinear, WeightFeatures
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize

SIZES = (3, 5, 4, 2)


def features(sizes: tuple[int, ...] = SIZES) -> WeightFeatures:
    """Random features, of another width everywhere."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator(0, *shape), dtype=torch.float64)

    pairs = [draw(6, sizes[k + 1], sizes[k], k + 1) for k in range(len(sizes) - 1)]
    nodes = [draw(6, size, k + 2) for k, size in enumerate(sizes)]
    return WeightFeatures(tuple(pairs), tuple(nodes), draw(6, 3))


def permuted(x: WeightFeatures, orders: list[Tensor]) -> WeightFeatures:
    pairs = [pair[:, orders[k + 1]][:, :, orders[k]] for k, pair in enumerate(x.pairs)]
    nodes = [node[:, order] for node, order in zip(x.nodes, orders, strict=True)]
    return WeightFeatures(tuple(pairs), tuple(nodes), x.shared)


def layer_for(x: WeightFeatures) -> EquivariantLinear:
    return randomize(EquivariantLinear(widths=x.widths, channels=7), generator=generator(1)).double()


def everything(x: WeightFeatures) -> list[Tensor]:
    return [*x.pairs, *x.nodes, x.shared]


@pytest.mark.parametrize("sizes", [SIZES, (4, 3), (5,), ()])
def test_permuting_neurons_permutes_features(sizes: tuple[int, ...]) -> None:
    x = features(sizes)
    layer = layer_for(x)
    orders = [torch.randperm(size, generator=generator(2, size)) for size in sizes]
    after, expected = layer(permuted(x, orders)), permuted(layer(x), orders)
    for found, wanted in zip(everything(after), everything(expected), strict=True):
        assert found.shape[-1] == 7
        assert torch.allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_sets_must_be_permuted_as_a_whole() -> None:
    x = features()
    layer = layer_for(x)
    order = torch.tensor([1, 0, 2, 4, 3])
    wrong = WeightFeatures(x.pairs, (x.nodes[0], x.nodes[1][:, order], *x.nodes[2:]), x.shared)
    difference = layer(wrong).nodes[1] - layer(x).nodes[1][:, order]
    assert difference.abs().max() > 1e-2


def test_every_feature_reaches_every_place() -> None:
    x = features()
    leaves = [part.requires_grad_() for part in everything(x)]
    layer = layer_for(x)
    for place in everything(layer(x)):
        gradients = torch.autograd.grad(place.square().sum(), leaves, retain_graph=True)
        assert all((gradient != 0).all() for gradient in gradients)


def test_layer_is_linear() -> None:
    x = features()
    layer = layer_for(x)
    zero, one = layer(x.map(torch.zeros_like)), layer(x)
    two, three = layer(x.map(torch.cos)), layer(x.map(lambda part: 3 * part + torch.cos(part)))
    for a, b, c, d in zip(*map(everything, (zero, one, two, three)), strict=True):
        assert torch.allclose(d - a, 3 * (b - a) + (c - a))
