from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.models.baselines import NFN, NFNConfig
from scalegmn.models.baselines._nfn import NFNVariant
from scalegmn.networks import Architecture
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import (
    DEEPER,
    FLATTENED,
    LINEAR,
    PERMUTATIONS,
    RESIDUAL,
    SCALES,
    SHALLOW,
    SIREN,
    TANH_ZOO,
    ZOO,
    alone,
    batch_of,
    change,
    transformed,
)

KINDS = tuple(NFNVariant)


def model(architecture: Architecture, kind: NFNVariant, *, layers: int = 3) -> NFN:
    """With weights like trained ones, and fitted constants."""
    config = NFNConfig(variant=kind, channels=6, layers=layers, hidden=(7,), dropout=0.3)
    made = randomize(NFN.from_architectures([architecture], outputs=3, config=config), generator=generator(0))
    made = made.double().eval()
    made.fit_scale(batch_of(architecture, count=8, seed=5))
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", [ZOO, SIREN, RESIDUAL, FLATTENED, SHALLOW])
def test_permutations_of_hidden_neurons_change_nothing(architecture: Architecture, kind: NFNVariant) -> None:
    judge, batch = model(architecture, kind), batch_of(architecture)
    assert change(judge, batch, transformed(batch, PERMUTATIONS)) < 1e-10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", [ZOO, SIREN])
def test_scales_and_signs_change_the_answer(architecture: Architecture, kind: NFNVariant) -> None:
    judge, batch = model(architecture, kind), batch_of(architecture)
    assert change(judge, batch, transformed(batch, SCALES)) > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_must_move_with_all_their_weights(kind: NFNVariant) -> None:
    batch = batch_of(SIREN)
    theta = batch.parts[0][1].clone()
    # Rows of the second layer without the columns of the third.
    weight = SIREN.unflatten(theta)["seq.1.weight"]
    weight.copy_(weight.roll(1, dims=1))
    assert change(model(SIREN, kind), batch, batch.with_theta([theta])) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["inputs", "outputs"])
def test_inputs_and_outputs_are_told_apart(end: str, kind: NFNVariant) -> None:
    batch = batch_of(SIREN)
    theta = batch.parts[0][1].clone()
    state = SIREN.unflatten(theta)
    # Everything that belongs to an input or output goes to another one.
    if end == "inputs":
        state["seq.0.weight"].copy_(state["seq.0.weight"].flip(2))
    else:
        state["seq.2.weight"].copy_(state["seq.2.weight"].flip(1))
        state["seq.2.bias"].copy_(state["seq.2.bias"].flip(1))
    assert change(model(SIREN, kind), batch, batch.with_theta([theta])) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", [ZOO, RESIDUAL, FLATTENED, SHALLOW, LINEAR])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_parameter_is_read(architecture: Architecture, kind: NFNVariant, layers: int) -> None:
    batch = batch_of(architecture)
    theta = batch.parts[0][1].requires_grad_()
    judge = model(architecture, kind, layers=layers)
    answers = judge.predict(batch)
    assert answers.shape == (4, 3)
    answers.square().sum().backward()
    assert theta.grad is not None
    assert (theta.grad != 0).all()
    assert all(p.grad is not None and (p.grad != 0).any() for p in judge.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_networks_do_not_mix(kind: NFNVariant) -> None:
    judge, batch = model(ZOO, kind), batch_of(ZOO, TANH_ZOO)
    answers = judge.predict(batch)
    assert torch.allclose(answers, torch.cat([judge.predict(single) for single in alone(batch)]), rtol=1e-10)


def test_fitted_weights_have_mean_zero_and_size_one() -> None:
    judge = NFN.from_architectures(
        [ZOO], outputs=1, config=NFNConfig(variant=NFNVariant.np, channels=2)
    ).double()
    batch = batch_of(ZOO, count=50)
    batch = batch.with_theta([5 * batch.parts[0][1] + 2])
    judge.fit_scale(batch)
    features = judge._features(batch.parts[0][1])
    for pair in features.pairs:
        rows = pair.flatten(0, 2)
        assert rows.mean(0).abs().max() < 1e-10
        assert torch.allclose(rows.std(0, correction=0), torch.ones_like(rows[0]))
    assert features.nodes[1].mean().abs() < 1e-10


def test_networks_of_other_sizes_are_refused() -> None:
    with pytest.raises(GraphError, match=r"NFN reads .* 1-4-5-3-4 with .*use ScaleGMN"):
        model(ZOO, NFNVariant.hnp).predict(batch_of(DEEPER))
    with pytest.raises(ConfigurationError, match="there are 2 kinds"):
        NFN.from_architectures([ZOO, DEEPER], outputs=1, config=NFNConfig())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", [ZOO, RESIDUAL, LINEAR])
def test_saved_and_loaded_is_the_same(tmp_path: Path, architecture: Architecture, kind: NFNVariant) -> None:
    judge, batch = model(architecture, kind), batch_of(architecture)
    judge.save_pretrained(tmp_path)
    loaded = NFN.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch), judge.predict(batch))
    assert loaded.config == judge.config


def test_impossible_options_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"NFNConfig: channels is 0.*layers is -1.*hidden is.*dropout is"
    ):
        NFNConfig(channels=0, layers=-1, hidden=(0,), dropout=1.0)
