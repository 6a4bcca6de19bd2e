"""A mean of ScaleGMN and probes: exactly invariant, each part as if it were alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNAndProbes
from scalegmn.models.baselines import Probes, ProbesConfig
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import randomize
from tests.models.baselines.networks import TANH_ZOO, ZOO, batch_of, change, transformed

CONFIG = ModelConfig(features=6, layers=2, readout="full_graph")
PROBES = ProbesConfig(probes=5, image_size=(15, 15), latent=4, width=2, hidden=(7,))


def model() -> ScaleGMNAndProbes:
    made = ScaleGMNAndProbes.from_architectures((ZOO, TANH_ZOO), outputs=3, config=CONFIG, probes=PROBES)
    made = randomize(made, generator=generator(0)).double().eval()
    made.fit_scale(batch_of(ZOO, TANH_ZOO, count=6, seed=5))
    return made


def test_symmetries_change_nothing() -> None:
    judge, batch = model(), batch_of(ZOO, TANH_ZOO)
    assert change(judge, batch, transformed(batch, Elements(spread=100.0))) < 1e-9


def test_each_part_learns_as_if_it_were_alone() -> None:
    judge, batch = model(), batch_of(ZOO, TANH_ZOO)
    by_weights, by_probes = judge.predict_to_learn(batch)
    assert torch.equal(by_weights, judge.gmn.predict(batch))
    assert torch.equal(by_probes, judge.probes.predict(batch))
    by_weights.square().sum().backward()
    assert all(parameter.grad is None for parameter in judge.probes.parameters())


def test_how_much_each_counts_is_chosen() -> None:
    judge, batch = model(), batch_of(ZOO, TANH_ZOO)
    by_weights, by_probes = judge.predict_to_learn(batch)
    torch.testing.assert_close(judge.predict(batch), (by_weights + by_probes) / 2)
    judge.settle(lambda: float((judge.predict(batch) - by_probes).square().mean()))
    torch.testing.assert_close(judge.predict(batch), by_probes)


def test_saved_and_loaded(tmp_path: Path) -> None:
    judge, batch = model(), batch_of(ZOO, TANH_ZOO)
    judge.mixture.shares.copy_(torch.tensor([0.25, 0.75]))
    judge.save_pretrained(tmp_path)
    loaded = ScaleGMNAndProbes.from_pretrained(tmp_path).double()
    torch.testing.assert_close(loaded.predict(batch), judge.predict(batch), rtol=1e-5, atol=1e-5)


def test_parts_that_answer_differently_are_refused() -> None:
    gmn = ScaleGMN(spec=GraphSpec.from_architectures((ZOO,)), outputs=2, config=CONFIG)
    probes = Probes.from_architectures((ZOO,), outputs=3, config=PROBES)
    with pytest.raises(ConfigurationError, match="gmn answers with 2 numbers and probes with 3"):
        ScaleGMNAndProbes(gmn=gmn, probes=probes)
