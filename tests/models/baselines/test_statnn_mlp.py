from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.models.baselines import StatNNConfig, StatNNMLP
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import (
    DEEPER,
    PERMUTATIONS,
    SCALES,
    SIREN,
    ZOO,
    alone,
    batch_of,
    change,
    transformed,
)

MIXED = (SIREN, ZOO, DEEPER)


def model() -> StatNNMLP:
    config = StatNNConfig(hidden=(7, 6), dropout=0.2)
    made = StatNNMLP.from_architectures(MIXED, outputs=3, config=config)
    return randomize(made, generator=generator(0)).double().eval()


def test_mixed_networks_do_not_influence_each_other() -> None:
    judge, batch = model(), batch_of(*MIXED)
    judge.fit_scale(batch)
    answers = judge.predict(batch)
    assert answers.shape == (12, 3)
    assert torch.allclose(answers, torch.cat([judge.predict(single) for single in alone(batch)]), rtol=1e-10)


def test_only_permutations_change_nothing() -> None:
    judge, batch = model(), batch_of(*MIXED)
    judge.fit_scale(batch)
    assert change(judge, batch, transformed(batch, PERMUTATIONS)) < 1e-10
    assert change(judge, batch, transformed(batch, SCALES)) > 1e-2


def test_gradients_reach_the_perceptron() -> None:
    judge = model()
    judge.predict(batch_of(ZOO)).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in judge.parameters())


def test_deeper_networks_are_refused() -> None:
    judge = StatNNMLP.from_architectures([ZOO], outputs=1, config=StatNNConfig()).double()
    with pytest.raises(GraphError, match="5 weighted layers"):
        judge.predict(batch_of(DEEPER))


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    judge, batch = model(), batch_of(*MIXED)
    judge.fit_scale(batch)
    judge.save_pretrained(tmp_path)
    loaded = StatNNMLP.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch), judge.predict(batch))
    assert loaded.config == judge.config


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"StatNNConfig: hidden is \(\).*; dropout is 1.5"):
        StatNNConfig(hidden=(), dropout=1.5)
