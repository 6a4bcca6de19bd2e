"""Constants that bring the parameters of each layer to size 1."""

from __future__ import annotations

import torch

from scalegmn.graph import batch_graphs
from scalegmn.networks import Activate, Activation, Dense, EdgeType, LayeredArchitecture, Skip
from scalegmn.nn._normalization import ParameterScale
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_parameters

RELU = Activate(Activation("relu"))
RESIDUAL = LayeredArchitecture(
    (Dense("a", 2, 3), RELU, Dense("b", 3, 3, bias=False), RELU, Dense("c", 3, 2)), (Skip(0, 1, 3),)
)


def fitted() -> tuple[ParameterScale, torch.Tensor]:
    theta = 7 * random_parameters(RESIDUAL, 20, generator=generator(0))
    scale = ParameterScale(layers=4).double()
    scale.fit(batch_graphs(RESIDUAL, theta))
    return scale, theta


def test_untouched_until_fitted() -> None:
    graph = batch_graphs(RESIDUAL, random_parameters(RESIDUAL, 2, generator=generator(0)))
    weight, bias = ParameterScale(layers=2)(graph)
    assert torch.equal(weight, graph.tap_weight) and torch.equal(bias, graph.node_bias)


def test_root_mean_squares() -> None:
    scale, theta = fitted()
    state = RESIDUAL.unflatten(theta)
    expected = [1.0, *(state[f"{name}.weight"].square().mean().sqrt().item() for name in "abc"), 1.0, 1.0]
    torch.testing.assert_close(scale.weight, torch.tensor(expected, dtype=torch.float64))
    biases = [state[f"{name}.bias"].square().mean().sqrt().item() for name in "ac"]
    torch.testing.assert_close(
        scale.bias, torch.tensor([1.0, biases[0], 1.0, biases[1], 1.0, 1.0], dtype=torch.float64)
    )


def test_parameters_of_size_one() -> None:
    scale, theta = fitted()
    graph = batch_graphs(RESIDUAL, theta)
    weight, bias = scale(graph)
    skips = (graph.edge_type == int(EdgeType.skip)).repeat_interleave(graph.edge_taps)
    assert (weight[skips] == 1).all()
    layer = graph.node_layer[graph.edge_index[1]].repeat_interleave(graph.edge_taps)
    for number in (1, 2, 3):
        sizes = weight[~skips & (layer == number)].square().mean()
        torch.testing.assert_close(sizes, torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(
        bias[graph.node_layer == 3].square().mean(), torch.ones((), dtype=torch.float64)
    )
    torch.testing.assert_close(weight * scale.of_taps(graph), graph.tap_weight)
    torch.testing.assert_close(bias * scale.of_nodes(graph), graph.node_bias)


def test_zero_parameters_stay_finite() -> None:
    scale = ParameterScale(layers=2)
    scale.fit(batch_graphs(RESIDUAL, torch.zeros(3, RESIDUAL.num_parameters)))
    assert (scale.weight == 1).all() and (scale.bias == 1).all()


def test_constants_are_saved() -> None:
    assert set(ParameterScale(layers=2).state_dict()) == {"weight", "bias"}
    assert not list(ParameterScale(layers=2).parameters())
