"""ScaleGMN beside probes: exactly invariant, and made of both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.models import Direction, ModelConfig, ProbedScaleGMN, Symmetry
from scalegmn.models.baselines import ProbesConfig
from scalegmn.networks import Activation, Architecture, mlp
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import (
    DEEPER,
    RESIDUAL,
    TANH_ZOO,
    ZOO,
    alone,
    batch_of,
    change,
    transformed,
)

PROBES = ProbesConfig(probes=5, image_size=(15, 15), latent=4, width=2, hidden=(7,))
MIXED = (ZOO, TANH_ZOO, DEEPER, RESIDUAL)


def model(
    *architectures: Architecture,
    symmetry: Symmetry = Symmetry.scaling,
    direction: Direction = Direction.forward,
) -> ProbedScaleGMN:
    config = ModelConfig(
        features=6,
        layers=2,
        readout="full_graph",
        statistics=True,
        symmetry=symmetry,
        direction=direction,
    )
    made = ProbedScaleGMN.from_architectures(architectures, outputs=3, config=config, probes=PROBES)
    made = randomize(made, generator=generator(0)).double().eval()
    made.fit_scale(batch_of(*architectures, count=6, seed=5))
    return made


@pytest.mark.parametrize("direction", Direction)
def test_symmetries_of_mixed_networks_change_nothing(direction: Direction) -> None:
    judge, batch = model(*MIXED, direction=direction), batch_of(*MIXED)
    moved = transformed(batch, Elements(spread=100.0))
    assert not torch.allclose(moved.parts[0][1], batch.parts[0][1])
    assert change(judge, batch, moved) < 1e-9


def test_without_scale_symmetry_scales_change_the_answer() -> None:
    judge, batch = model(*MIXED, symmetry=Symmetry.permutation), batch_of(*MIXED)
    assert change(judge, batch, transformed(batch, Elements(spread=100.0))) > 1e-3


def test_a_batch_is_its_networks_one_by_one() -> None:
    judge, batch = model(*MIXED), batch_of(*MIXED)
    single = torch.cat([judge.predict(one) for one in alone(batch)])
    torch.testing.assert_close(judge.predict(batch), single, rtol=1e-9, atol=1e-10)


def test_both_halves_are_read() -> None:
    judge, batch = model(ZOO), batch_of(ZOO)
    before = judge.predict(batch)
    for part in (judge.gmn.readout, judge.probes.mlp):
        parameters = [parameter.detach().clone() for parameter in part.parameters()]
        with torch.no_grad():
            for parameter in part.parameters():
                parameter.mul_(1.5)
        assert (judge.predict(batch) - before).abs().max() > 1e-6
        with torch.no_grad():
            for parameter, old in zip(part.parameters(), parameters, strict=True):
                parameter.copy_(old)


def test_no_half_keeps_a_head_of_its_own() -> None:
    """Training on several devices waits for the gradient of every parameter."""
    judge, batch = model(*MIXED), batch_of(*MIXED)
    judge.predict(batch).square().sum().backward()
    unused = {name for name, parameter in judge.named_parameters() if parameter.grad is None}
    assert not any("head" in name for name in unused)


def test_saved_and_loaded(tmp_path: Path) -> None:
    judge, batch = model(ZOO), batch_of(ZOO)
    judge.save_pretrained(tmp_path)
    loaded = ProbedScaleGMN.from_pretrained(tmp_path).double()
    torch.testing.assert_close(loaded.predict(batch), judge.predict(batch), rtol=1e-5, atol=1e-5)


def test_networks_that_read_something_else_are_refused() -> None:
    vectors = mlp(widths=(3, 4, 2), activations=[Activation("relu")])
    with pytest.raises(ConfigurationError, match="image_size"):
        model(ZOO, vectors)
