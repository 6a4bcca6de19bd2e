"""Statistics that no symmetry changes, against plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scalegmn.errors import GraphError
from scalegmn.graph import GraphSpec, NetworkBatch, batch_graphs, to_graph
from scalegmn.models.baselines._statnn_features import statnn_features
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.nn._mlp import MLPStyle
from scalegmn.nn._statistics import PER_SET, SETS_PER_LAYER, WeightStatistics, canonical_parameters
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_scale
from scalegmn.symmetry.discovery import symmetry_group
from scalegmn.testing.parameters import random_parameters, randomize
from tests.nn.cases import Case, assert_different, case_of

RELU, TANH = Activation("relu"), Activation("tanh")


def statistics_of(
    architectures: list[Architecture], *, symmetric: bool = True, outputs: int = 4
) -> WeightStatistics:
    made = WeightStatistics(
        spec=GraphSpec.from_architectures(architectures),
        outputs=outputs,
        symmetric=symmetric,
        style=MLPStyle(hidden=6),
    )
    return randomize(made, generator=generator(0)).double()


def of_case(case: Case, *, symmetric: bool = True) -> WeightStatistics:
    return statistics_of([architecture for architecture, _ in case.networks], symmetric=symmetric)


def drawn(architecture: Architecture, count: int = 3) -> Tensor:
    return random_parameters(architecture, count, generator=generator(0, "drawn"))


@pytest.mark.parametrize("seed", range(6))
def test_invariant(seed: int) -> None:
    """Mixed architectures and activations, skip connections, zeros, permutations, signs and scales."""
    case = case_of(seed)
    found = of_case(case).statistics(case.graph)
    torch.testing.assert_close(of_case(case).statistics(case.moved), found, rtol=1e-10, atol=1e-11)
    torch.testing.assert_close(of_case(case)(case.moved), of_case(case)(case.graph), rtol=1e-9, atol=1e-10)


def test_plain_statistics_change_when_neurons_are_rescaled() -> None:
    case = case_of(0, kinds=("relu", "tanh"))
    plain = of_case(case, symmetric=False)
    assert_different(plain.statistics(case.moved), plain.statistics(case.graph))


@pytest.mark.parametrize(
    "architecture", [cnn(activations=[RELU] * 3), mlp(widths=(3, 5, 4, 2), activations=[RELU] * 2)]
)
def test_canonical_parameters_are_those_of_the_canonical_network(architecture: Architecture) -> None:
    theta = drawn(architecture, 1)[0]
    expected = to_graph(architecture, canonicalize_scale(architecture, theta))
    weight, bias = canonical_parameters(to_graph(architecture, theta))
    torch.testing.assert_close(weight, expected.tap_weight, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(bias, expected.node_bias, rtol=1e-12, atol=1e-12)


def test_plain_statistics_are_those_of_the_baseline() -> None:
    """Which gives variances in place of deviations."""
    architecture = cnn(activations=[RELU, TANH, RELU])
    theta = drawn(architecture)
    found = statistics_of([architecture], symmetric=False).statistics(
        NetworkBatch.from_parameters(architecture, theta).graph
    )
    sets = found.reshape(3, len(architecture.stages), SETS_PER_LAYER, PER_SET)[:, :, [0, 2]]
    expected = statnn_features(architecture, theta).reshape(3, len(architecture.stages), 2, PER_SET)
    torch.testing.assert_close(sets[..., 2:], expected[..., 2:], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(sets[..., 0], expected[..., 0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(sets[..., 1].square(), expected[..., 1], rtol=1e-8, atol=1e-12)


def test_signs_count_only_where_they_are_fixed() -> None:
    for activation, equal in ((TANH, True), (RELU, False)):
        architecture = mlp(widths=(3, 5, 4, 2), activations=[activation] * 2)
        graph = NetworkBatch.from_parameters(architecture, drawn(architecture)).graph
        sets = statistics_of([architecture]).statistics(graph).reshape(3, 3, SETS_PER_LAYER, PER_SET)
        assert torch.equal(sets[:, :, 0], sets[:, :, 1]) is equal
        assert torch.equal(sets[:, :2, 2], sets[:, :2, 3]) is equal


def test_layers_that_a_network_lacks_are_zero_and_its_outputs_stand_last() -> None:
    deep, flat = mlp(widths=(3, 5, 4, 2), activations=[RELU] * 2), mlp(widths=(3, 4, 2), activations=[RELU])
    graph = NetworkBatch.from_parameters(flat, drawn(flat)).graph
    alone = statistics_of([flat]).statistics(graph).reshape(3, 2, -1)
    beside = statistics_of([deep, flat]).statistics(graph).reshape(3, 3, -1)
    assert torch.equal(beside[:, 0], alone[:, 0])
    assert torch.equal(beside[:, 2], alone[:, 1])
    assert not beside[:, 1].any()


def test_dead_networks_and_tiny_weights_have_finite_statistics_and_gradients() -> None:
    architecture = cnn(activations=[RELU] * 3)
    model = statistics_of([architecture])
    for size in (0.0, 1e-42, 1e-12, 1e12):
        graph = NetworkBatch.from_parameters(architecture, drawn(architecture) * size).graph
        found = model(graph)
        assert torch.isfinite(found).all()
        for parameter in torch.autograd.grad(found.sum(), list(model.parameters())):
            assert torch.isfinite(parameter).all()


def test_fitted_statistics_have_mean_zero_and_deviation_one() -> None:
    architecture = cnn(activations=[TANH] * 3)
    graph = NetworkBatch.from_parameters(architecture, drawn(architecture, 40)).graph
    model = statistics_of([architecture])
    model.fit(graph)
    found = model.standardize(model.statistics(graph))
    assert found.mean(0).abs().max() < 1e-8
    assert (found.std(0, correction=0) - 1).abs().max() < 1e-6


def test_networks_beyond_the_limits_are_refused() -> None:
    """Their layers would be counted as those of the next network."""
    deep, flat = mlp(widths=(3, 5, 4, 2), activations=[RELU] * 2), mlp(widths=(3, 4, 2), activations=[RELU])
    with pytest.raises(GraphError, match="hidden layers"):
        statistics_of([flat]).statistics(NetworkBatch.from_parameters(deep, drawn(deep)).graph)


class Normed(nn.Module):
    """Batch norm, a gate and a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)
        self.up, self.gate, self.head = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        x = x + self.up(x) * torch.sigmoid(self.gate(x))
        answer: Tensor = self.head(torch.relu(x).mean((2, 3)))
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_programs_have_invariant_statistics(seed: int) -> None:
    architecture = ProgramArchitecture.from_module(Normed(), torch.zeros(1, 1, 5, 5))
    draw = generator(seed)
    theta = torch.rand(architecture.num_parameters, generator=draw, dtype=torch.float64) + 0.1
    element = symmetry_group(architecture.program).random(draw, spread=2.0)
    moved = architecture.flatten(element.apply(architecture.unflatten(theta)))
    model = WeightStatistics(
        spec=GraphSpec.from_architectures([architecture]),
        outputs=1,
        symmetric=True,
        style=MLPStyle(hidden=2, layer_norm=False),
    )
    before, after = (model.statistics(batch_graphs(architecture, one[None])) for one in (theta, moved))
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-12)
    assert float((before - model.statistics(batch_graphs(architecture, 2 * theta[None]))).abs().max()) > 0.1
    model.symmetric = False
    plain = [model.statistics(batch_graphs(architecture, one[None])) for one in (theta, moved)]
    assert not torch.allclose(*plain, rtol=1e-2)
