from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry
from scalegmn.networks import Activation, Architecture, mlp, siren
from scalegmn.programs import ProgramArchitecture
from scalegmn.seeding import generator
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import measure_invariance

SIREN = siren(widths=(2, 5, 5, 1))
RELU = mlp(widths=(2, 5, 5, 1), activations=[Activation("relu")] * 2)
CONFIG = ModelConfig(features=6, layers=2, direction=Direction.bidirectional)


def model(symmetry: Symmetry) -> ScaleGMN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = dataclasses.replace(CONFIG, symmetry=symmetry)
        return ScaleGMN(spec=GraphSpec.from_architectures([SIREN, RELU]), outputs=4, config=config)


@pytest.mark.parametrize("architecture", [SIREN, RELU], ids=["siren", "relu"])
@pytest.mark.parametrize("shift_phase", [False, True])
def test_symmetric_model_does_not_notice(architecture: Architecture, shift_phase: bool) -> None:
    theta = 0.1 * torch.randn(6, architecture.num_parameters, generator=generator(1))
    theta = canonicalize_sine_phase(architecture, theta)
    found = measure_invariance(model(Symmetry.scaling), architecture, theta, shift_phase=shift_phase)
    assert found.comparisons == 24
    assert found.median <= found.largest < 1e-10
    assert found.changed == 0


@pytest.mark.parametrize("architecture", [SIREN, RELU], ids=["siren", "relu"])
def test_permutation_model_notices(architecture: Architecture) -> None:
    theta = 0.1 * torch.randn(6, architecture.num_parameters, generator=generator(1))
    found = measure_invariance(model(Symmetry.permutation), architecture, theta)
    assert found.largest > 1e-3


@pytest.mark.slow
def test_programs() -> None:
    """Of a network with batch norm."""
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    program = ProgramArchitecture.from_module(module.eval(), torch.zeros(1, 1, 4, 4))
    theta = torch.rand(3, program.num_parameters, generator=generator(1)) + 0.1
    for symmetry, least, most in ((Symmetry.scaling, 0.0, 1e-10), (Symmetry.permutation, 1e-4, 10.0)):
        config = dataclasses.replace(CONFIG, symmetry=symmetry)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            asked = ScaleGMN(spec=GraphSpec.from_architectures([program]), outputs=4, config=config)
        found = measure_invariance(asked, program, theta)
        assert found.comparisons == 12
        assert least <= found.largest < most


def test_model_stays_as_it_is() -> None:
    asked = model(Symmetry.scaling).train()
    before = {name: value.clone() for name, value in asked.state_dict().items()}
    measure_invariance(asked, SIREN, torch.zeros(1, SIREN.num_parameters))
    assert asked.training
    assert all(value.dtype == torch.float32 for value in asked.parameters())
    assert all(torch.equal(before[name], value) for name, value in asked.state_dict().items())


def test_same_seed_same_figures() -> None:
    theta = 0.1 * torch.randn(3, SIREN.num_parameters, generator=generator(1))
    asked = model(Symmetry.permutation)
    assert measure_invariance(asked, SIREN, theta) == measure_invariance(asked, SIREN, theta)
    assert measure_invariance(asked, SIREN, theta) != measure_invariance(asked, SIREN, theta, seed=1)


@pytest.mark.parametrize(("count", "draws"), [(0, 3), (2, 0)])
def test_nothing_to_compare(count: int, draws: int) -> None:
    with pytest.raises(ConfigurationError, match="expected at least one of each"):
        measure_invariance(
            model(Symmetry.scaling), SIREN, torch.zeros(count, SIREN.num_parameters), draws=draws
        )
