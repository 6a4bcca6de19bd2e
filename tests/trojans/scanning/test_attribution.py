from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import Direction, FittedPredictor, ModelConfig, ModelContext, ScaleGMN
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import Element, SymmetryAction
from scalegmn.symmetry.discovery import symmetry_group
from scalegmn.testing.parameters import randomize
from scalegmn.trojans.scanning import Explain, FileResult, Verdict
from scalegmn.trojans.scanning._attribution import Sensitivity, outputs_and_products
from scalegmn.trojans.scanning._verdicts import add_attributions

RELU, TANH = Activation("relu"), Activation("tanh")
NETWORKS = {
    "relu": mlp(widths=(3, 6, 5, 2), activations=[RELU, RELU]),
    "mixed": mlp(widths=(3, 6, 5, 2), activations=[RELU, TANH]),
    "cnn": cnn(channels=(1, 4, 5), classes=3, activations=[TANH, RELU]),
}


def detector(architecture: Architecture) -> ScaleGMN:
    config = ModelConfig(features=8, layers=2, direction=Direction.bidirectional, readout="full_graph")
    model = ScaleGMN(spec=GraphSpec.from_architectures([architecture]), outputs=3, config=config)
    return randomize(model, generator=generator(1)).double().eval()


def products(model: ScaleGMN, architecture: Architecture, theta: Tensor) -> tuple[Tensor, Tensor]:
    answers, found = outputs_and_products(
        model, NetworkBatch.from_parameters(architecture, theta), explain=True
    )
    assert found is not None
    return answers, found[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_products_are_invariant_under_scales_and_move_with_permutations(name: str) -> None:
    architecture = NETWORKS[name]
    theta = torch.randn(4, architecture.num_parameters, generator=generator(0), dtype=torch.float64)
    model, action, random = detector(architecture), SymmetryAction(architecture), generator(3)
    elements = [action.draw(generator=random, spread=30.0) for _ in theta]
    moved = torch.stack([action.apply(row, one) for row, one in zip(theta, elements, strict=True)])
    before, own = products(model, architecture, theta)
    after, there = products(model, architecture, moved)
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    # A permutation alone moves products as it moves parameters.
    still = action.identity()
    permutations = [Element(still.scale, still.phase, one.permutation) for one in elements]
    expected = torch.stack([action.apply(row, one) for row, one in zip(own, permutations, strict=True)])
    assert own.max() > 0
    torch.testing.assert_close(there, expected, rtol=1e-6, atol=1e-9 * float(own.max()))
    # Layers therefore have the same shares, and neurons the same ones in another order.
    for left, right in zip(
        Sensitivity.from_products(architecture, own).neurons,
        Sensitivity.from_products(architecture, there).neurons,
        strict=True,
    ):
        torch.testing.assert_close(left.sort(1).values, right.sort(1).values, rtol=1e-6, atol=1e-9)


@pytest.mark.slow
def test_programs_are_attributed_to_by_their_weights() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2, bias=False)
    )
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 1, 4, 4))
    theta = torch.rand(3, architecture.num_parameters, generator=generator(0), dtype=torch.float64) + 0.1
    group, model = symmetry_group(architecture.program), detector(architecture)
    element = group.random(generator(4), spread=2.0)
    moved = torch.stack([architecture.flatten(element.apply(architecture.unflatten(row))) for row in theta])
    (before, own), (after, there) = (products(model, architecture, one) for one in (theta, moved))
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    shares, others = (Sensitivity.from_products(architecture, one) for one in (own, there))
    assert shares.layers == ("0", "1", "4")
    assert [neurons.shape for neurons in shares.neurons] == [(3, 3), (3, 3), (3, 2)]
    torch.testing.assert_close(torch.cat(shares.neurons, 1).sum(1), torch.ones(3, dtype=torch.float64))
    for left, right in zip(shares.neurons, others.neurons, strict=True):
        torch.testing.assert_close(left.sort(1).values, right.sort(1).values, rtol=1e-6, atol=1e-9)
    assert not torch.allclose(theta, moved, rtol=0.5)


def test_products_are_derivatives_by_the_logarithm_of_a_weight() -> None:
    architecture = NETWORKS["mixed"]
    theta = torch.randn(1, architecture.num_parameters, generator=generator(0), dtype=torch.float64)
    model = detector(architecture)
    before, found = products(model, architecture, theta)
    step = 1e-6
    for place in (0, 20, 50):
        moved = theta.clone()
        moved[0, place] *= 1 + step
        after, _ = products(model, architecture, moved)
        expected = abs(float((after - before)[0, 0])) / step
        assert float(found[0, place]) == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_shares_by_hand() -> None:
    architecture = mlp(widths=(2, 2, 1), activations=[RELU])
    # Weights (2, 2) and biases (2,) of layer 0, weights (1, 2) and bias (1,) of layer 2.
    values = torch.tensor([[1.0, 2.0, 0.0, 3.0, 1.0, 0.0, 5.0, 6.0, 2.0]])
    found = Sensitivity.from_products(architecture, values)
    torch.testing.assert_close(torch.cat(found.neurons, dim=1), torch.tensor([[0.2, 0.15, 0.65]]))
    assert [(one.layer, one.fraction) for one in found.layer_attributions(0)] == [
        ("2", pytest.approx(0.65)),
        ("0", pytest.approx(0.35)),
    ]
    first, second = found.neuron_attributions(0, count=2)
    assert (first.layer, first.neuron, second.layer, second.neuron) == ("2", 0, "0", 0)
    assert second.describe() == "0[0] 20 %"


def test_an_indifferent_detector_has_no_shares() -> None:
    found = Sensitivity.from_products(NETWORKS["relu"], torch.zeros(1, NETWORKS["relu"].num_parameters))
    assert all(one.fraction == 0 for one in found.layer_attributions(0))


@final
class Counted(FittedPredictor):
    """Not trained by gradients, as trees are not."""

    outputs = 1

    @classmethod
    def build(cls, context: ModelContext) -> Counted:
        return cls()

    def fit_scale(self, batch: NetworkBatch) -> None: ...

    def compute_features(self, batch: NetworkBatch) -> Tensor:
        return torch.cat([theta for _, theta in batch.parts])

    def fit(self, features: Tensor, targets: Tensor) -> None: ...

    def predict(self, batch: NetworkBatch) -> Tensor:
        return (self.compute_features(batch) > 0).float().sum(1, keepdim=True)

    def arguments(self) -> Mapping[str, Any]:
        return {}


def test_detectors_without_gradients_have_no_products() -> None:
    batch = NetworkBatch.from_parameters(NETWORKS["relu"], torch.ones(2, NETWORKS["relu"].num_parameters))
    answers, found = outputs_and_products(Counted(), batch, explain=True)
    assert answers.tolist() == [[float(NETWORKS["relu"].num_parameters)]] * 2 and found is None


def test_shares_that_are_no_numbers_are_left_out_of_reports() -> None:
    network = NETWORKS["relu"]
    result = FileResult(path="a.pt", verdict=Verdict.suspect)
    for value, named in ((1.0, True), (float("nan"), False), (float("inf"), False)):
        shares = Sensitivity.from_products(network, torch.full((1, network.num_parameters), value))
        found = add_attributions(result, shares, 0, Explain.all)
        assert bool(found.layers) == bool(found.neurons) == named == (not found.notes)
