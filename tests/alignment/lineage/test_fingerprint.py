"""Fingerprints: what changes them, and what does not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scalegmn.alignment.lineage import Fingerprinter, fingerprints
from scalegmn.alignment.rewriting import with_split_neurons, with_unread_neurons
from scalegmn.errors import ArchitectureError, SymmetryError
from scalegmn.networks import Activation, Architecture, LayeredArchitecture, cnn, mlp, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.symmetry import random_symmetry
from scalegmn.zoo.classifiers import ResidualDesign, TransformerDesign

RELU = Activation("relu")


def program(design: ResidualDesign | TransformerDesign) -> ProgramArchitecture:
    module = design.build(channels=1, size=8, classes=3)
    return ProgramArchitecture.from_module(module, torch.zeros(1, 1, 8, 8))


class Recurrent(nn.Module):
    """Its steps share weights, and examples are along the second axis within."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(3, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.cell(x.transpose(0, 1))[0][-1])
        return found


NETWORKS: dict[str, Architecture] = {
    "relu": mlp(widths=(3, 6, 6, 4), activations=[RELU] * 2),
    "one layer": mlp(widths=(3, 4), activations=[]),
    "tanh": mlp(widths=(3, 6, 4), activations=[Activation("tanh")]),
    "sine": siren(widths=(2, 6, 6, 1), frequency=5.0),
    "convolutions": cnn(channels=(1, 4, 4), activations=[RELU] * 2),
    "residual": program(ResidualDesign(widths=(4, 6))),
    "transformer": program(TransformerDesign(width=8, depth=1, heads=2, patch=4, stride=4, hidden=12)),
    "recurrent": ProgramArchitecture.from_module(Recurrent(), torch.zeros(3, 5, 3)),
}


def drawn(architecture: Architecture, *, seed: int = 0, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    theta = 0.5 * torch.randn(count, architecture.num_parameters, generator=generator, dtype=torch.float64)
    # Deviations of batch norm are positive; any positive numbers will do.
    return torch.where(positive(architecture), theta.abs() + 0.5, theta)


def positive(architecture: Architecture) -> torch.Tensor:
    found = torch.zeros(architecture.num_parameters, dtype=torch.bool)
    if architecture.as_layers is None:
        for place, one in zip(architecture.parameters, architecture.program.parameters, strict=True):
            found[place.start : place.stop] = one.positive
    return found


def likeness(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first * second).sum(-1).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_symmetries_change_nothing(name: str) -> None:
    architecture = NETWORKS[name]
    theta = drawn(architecture)
    moved = random_symmetry(architecture, generator=torch.Generator().manual_seed(5)).apply(theta)
    assert not torch.equal(theta, moved) or name == "one layer"
    takes = Fingerprinter(architecture)
    first, second = takes.fingerprints(theta).vectors, takes.fingerprints(moved).vectors
    assert torch.allclose(first, second, atol=1e-6)
    # The answer of a sine network before its shift is a place where nothing depends on two inputs.
    sizes = torch.ones(first.shape[:2])
    if name == "sine":
        sizes[:, -1] = 0
    assert torch.allclose(first.norm(dim=-1), sizes, atol=1e-5)
    assert abs(likeness(first[0], first[1])) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "tanh", "sine", "convolutions"])
def test_unread_and_split_neurons_change_nothing(name: str) -> None:
    architecture = NETWORKS[name]
    assert isinstance(architecture, LayeredArchitecture)
    theta, generator = drawn(architecture, count=1)[0], torch.Generator().manual_seed(2)
    wider, found = architecture, theta
    for layer in range(len(architecture.stages) - 1):
        wider, found = with_unread_neurons(wider, found, layer=layer, count=2, generator=generator)
        wider, found = with_split_neurons(wider, found, layer=layer, count=3, generator=generator)
    found = random_symmetry(wider, generator=generator).apply(found[None])
    first, second = fingerprints(architecture, theta[None]), fingerprints(wider, found)
    assert first.kind == second.kind
    assert torch.allclose(first.vectors, second.vectors, atol=1e-6)


def test_fine_tuning_changes_little() -> None:
    architecture = NETWORKS["residual"]
    theta = drawn(architecture)
    noise = drawn(architecture, seed=1)
    near = torch.where(positive(architecture), theta, theta + 0.02 * noise)
    takes = Fingerprinter(architecture)
    first, second = takes.fingerprints(theta).vectors, takes.fingerprints(near).vectors
    assert 0.8 < likeness(first[0], second[0]) < 0.999
    assert abs(likeness(first[0], second[1])) < 0.3


def test_single_precision_and_any_number_of_networks_agree() -> None:
    architecture = NETWORKS["tanh"]
    theta = drawn(architecture, count=3)
    takes = Fingerprinter(architecture)
    together = takes.fingerprints(theta).vectors
    # The kernel of smooth activations is smooth, so that rounding to single precision stays small.
    assert torch.allclose(takes.fingerprints(theta.float()).vectors, together, atol=1e-3)
    assert torch.allclose(takes.fingerprints(theta[1:2]).vectors[0], together[1], atol=1e-6)
    assert len(takes.fingerprints(theta[:0]).vectors) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "recurrent"])
def test_networks_that_cannot_be_batched_are_asked_one_by_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = NETWORKS[name]
    theta = drawn(architecture, count=3)
    takes = Fingerprinter(architecture)
    together = takes.fingerprints(theta).vectors

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no batching rule")

    monkeypatch.setattr(torch.func, "vmap", refuse)
    assert torch.allclose(takes.fingerprints(theta).vectors, together, atol=1e-6)


def test_a_dead_network_has_no_direction() -> None:
    architecture = NETWORKS["relu"]
    theta = torch.zeros(1, architecture.num_parameters, dtype=torch.float64)
    assert not fingerprints(architecture, theta).vectors.any()


@pytest.mark.slow
def test_refusals() -> None:
    architecture = NETWORKS["relu"]
    for value in (torch.nan, 1e200):
        theta = torch.full((1, architecture.num_parameters), value, dtype=torch.float64)
        with pytest.raises(SymmetryError, match="beyond all bounds or NaN, expected finite ones"):
            fingerprints(architecture, theta)
    tokens = ProgramArchitecture.from_module(
        nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2)), torch.zeros(1, 4, dtype=torch.long)
    )
    with pytest.raises(ArchitectureError, match="expected real ones; nothing can be said about its lineage"):
        Fingerprinter(tokens)
