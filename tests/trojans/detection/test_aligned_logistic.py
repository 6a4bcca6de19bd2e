"""Logistic regression on weights of aligned networks, and what each part of it is for."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from scalegmn.alignment.rewriting import Rewriting, rewrite
from scalegmn.configuration import from_plain
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines import LogisticConfig
from scalegmn.networks import Activation, Architecture, cnn, mlp
from scalegmn.seeding import generator
from scalegmn.testing.elements import Elements
from scalegmn.testing.parameters import random_parameters
from scalegmn.trojans.detection import AlignedConfig, AlignedLogistic
from tests.models.baselines.networks import PERMUTATIONS, SCALES, change, transformed
from tests.programs.networks import normalized_architecture, normalized_networks

RELU = cnn(channels=(1, 3, 4), classes=3, activations=[Activation("relu")] * 2)
TANH = mlp(widths=(3, 4, 4, 3), activations=[Activation("tanh")] * 2)
COUNT = 8
PLACE = 7
WHOLE = Elements(shift_phase=False, spread=10.0)


def relatives(architecture: Architecture, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Networks near one network; of half of them one weight is larger, and these are trojaned."""
    draws = generator(seed, architecture.num_parameters)
    base = random_parameters(architecture, 1, generator=draws, dtype=torch.float64)
    noise = torch.randn(COUNT, architecture.num_parameters, generator=draws, dtype=torch.float64)
    trojaned = torch.arange(COUNT) % 2
    theta = base + 0.01 * noise
    theta[:, PLACE] += 0.1 * trojaned
    return theta, trojaned


def networks(*architectures: Architecture) -> tuple[NetworkBatch, Tensor]:
    drawn = [relatives(architecture) for architecture in architectures]
    parts = tuple((one, theta) for one, (theta, _) in zip(architectures, drawn, strict=True))
    labels = torch.cat([trojaned for _, trojaned in drawn])
    return NetworkBatch(parts, torch.arange(len(labels))), labels


def model(*architectures: Architecture, c: float = 1.0, **options: object) -> AlignedLogistic:
    return AlignedLogistic(
        fingerprints=tuple(one.fingerprint for one in architectures),
        sizes=tuple(one.num_parameters for one in architectures),
        config=from_plain(AlignedConfig, options),
        logistic=LogisticConfig(c=c),
    ).double()


@functools.cache
def fitted(*architectures: Architecture, **options: object) -> AlignedLogistic:
    batch, labels = networks(*architectures)
    detector = model(*architectures, **options)
    detector.fit(detector.compute_features(batch), labels)
    return detector


def test_answers_are_those_of_scikit_learn() -> None:
    theta, trojaned = relatives(RELU)
    rows = (theta - theta.mean(0)) / theta.std(0, correction=0)
    solver = LogisticRegression(max_iter=2000).fit(rows, trojaned)
    batch = NetworkBatch.from_parameters(RELU, theta)
    for rounds in (0, 1):
        # Without alignment it does not matter what is subtracted.
        answers = fitted(RELU, symmetries="none", rounds=rounds).predict(batch)
        np.testing.assert_allclose(answers[:, 0], solver.decision_function(rows), atol=1e-6)


def test_the_weights_that_tell_most_are_selected() -> None:
    detector = fitted(RELU, symmetries="none", selected=1)
    assert detector.weights.nonzero().flatten().tolist() == [PLACE]
    assert (detector.predict(networks(RELU)[0])[:, 0] > 0).tolist() == (relatives(RELU)[1] > 0).tolist()
    assert len(fitted(RELU, symmetries="none", selected=9).weights.nonzero()) == 9


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [RELU, TANH])
def test_no_symmetry_changes_an_answer(architecture: Architecture) -> None:
    batch, _ = networks(architecture)
    moved = transformed(batch, WHOLE)
    assert change(fitted(architecture), batch, moved) < 1e-8
    assert change(fitted(architecture, symmetries="none"), batch, moved) > 0.1


@pytest.mark.slow
def test_permutations_alone_leave_scales() -> None:
    batch, _ = networks(RELU)
    detector = fitted(RELU, symmetries="permutations")
    assert change(detector, batch, transformed(batch, PERMUTATIONS)) < 1e-8
    assert change(detector, batch, transformed(batch, SCALES)) > 0.1
    assert change(fitted(RELU, symmetries="none"), batch, transformed(batch, PERMUTATIONS)) > 0.1


@pytest.mark.slow
def test_training_networks_that_were_moved_teach_the_same() -> None:
    batch, labels = networks(RELU)
    detectors = []
    for training in (batch, transformed(batch, WHOLE)):
        detector = model(RELU)
        detector.fit(detector.compute_features(training), labels)
        detectors.append(detector)
    theta = transformed(batch, WHOLE, seed=3)
    for detector in detectors:
        assert ((detector.predict(theta)[:, 0] > 0) == (labels > 0)).all()


@pytest.mark.slow
def test_each_architecture_has_its_own_classifier() -> None:
    batch, labels = networks(RELU, TANH)
    detector = fitted(RELU, TANH)
    answers = detector.predict(batch)[:, 0]
    assert ((answers > 0) == (labels > 0)).all()
    turned = NetworkBatch(batch.parts[::-1], batch.positions)
    torch.testing.assert_close(detector.predict(turned)[:, 0], answers.roll(COUNT))
    alone = fitted(TANH).predict(networks(TANH)[0])[:, 0]
    torch.testing.assert_close(answers[COUNT:], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
def test_of_an_architecture_without_training_networks_nothing_is_known() -> None:
    batch, labels = networks(RELU)
    detector = model(RELU, TANH)
    detector.fit(detector.compute_features(batch), labels | (torch.arange(COUNT) < 2))
    answers = detector.predict(networks(TANH)[0])[:, 0]
    # 5 of 8 are trojaned.
    torch.testing.assert_close(answers, torch.full_like(answers, np.log(5 / 3)))
    assert detector.predict(batch).std() > 0.1


def moved(architecture: Architecture, theta: Tensor) -> Tensor:
    """Networks of a program, each moved by an element of the group that is computed from it."""
    rewriting, draws = Rewriting(kinds=("group",), spread=10.0), generator(5)
    return torch.stack([rewrite(architecture, row, rewriting=rewriting, generator=draws)[1] for row in theta])


@pytest.mark.slow
def test_networks_of_programs_are_aligned_too() -> None:
    architecture = normalized_architecture()
    base = normalized_networks(count=1).double()
    noise = torch.randn(COUNT, base.shape[1], generator=generator(3), dtype=torch.float64)
    theta, trojaned = base + 0.01 * noise, torch.arange(COUNT) % 2
    theta[:, PLACE] += 0.1 * trojaned
    batch = NetworkBatch.from_parameters(architecture, theta)
    other = batch.with_theta([moved(architecture, theta)])
    for symmetries, bound in (("all", (0.0, 1e-7)), ("none", (0.1, np.inf))):
        detector = model(architecture, symmetries=symmetries)
        detector.fit(detector.compute_features(batch), trojaned)
        assert bound[0] <= change(detector, batch, other) < bound[1]


@pytest.mark.slow
def test_loaded_models_answer_the_same(tmp_path: Path) -> None:
    batch, _ = networks(RELU, TANH)
    detector = fitted(RELU, TANH, symmetries="permutations")
    detector.save_pretrained(tmp_path)
    loaded = AlignedLogistic.from_pretrained(tmp_path)
    assert torch.equal(loaded.predict(batch), detector.predict(batch))
    assert (loaded.config, loaded.logistic) == (detector.config, detector.logistic)


def test_what_does_not_fit_is_refused() -> None:
    batch, labels = networks(RELU)
    detector = model(RELU, TANH)
    with pytest.raises(ConfigurationError, match="aligned: the model was not fitted"):
        detector.predict(batch)
    split = NetworkBatch((*batch.parts, *networks(TANH)[0].parts), torch.arange(2 * COUNT))
    with pytest.raises(ConfigurationError, match="none of the 2 architectures has clean and trojaned"):
        detector.fit(detector.compute_features(split), (torch.arange(2 * COUNT) < COUNT).long())
    with pytest.raises(ConfigurationError, match=r"aligned: .*NaN or infinite"):
        model(RELU).fit(model(RELU).compute_features(batch) * torch.nan, labels)
    with pytest.raises(GraphError, match="none of the 1 architectures"):
        model(RELU).compute_features(networks(TANH)[0])
    with pytest.raises(ConfigurationError, match="2 sizes for 1 fingerprints"):
        AlignedLogistic(
            fingerprints=("a", "a"), sizes=(3, 3), config=AlignedConfig(), logistic=LogisticConfig()
        )
    with pytest.raises(ConfigurationError, match=r"symmetries is 'some'.*selected is 0"):
        from_plain(AlignedConfig, {"symmetries": "some", "selected": 0})
