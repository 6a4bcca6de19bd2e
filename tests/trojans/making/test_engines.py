from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.trojans.making._designed_engine import DesignedEngine, _as_classifier
from scalegmn.trojans.making._engine import Lessons
from scalegmn.trojans.making._figures import training_figures
from scalegmn.trojans.making._recipe import FineTuningConfig
from scalegmn.zoo.classifiers import initial_state
from scalegmn.zoo.cnns import Hyperparameters, network_inputs
from tests.trojans.making.trojan_cases import CLASSES, designed_population, easy_images, hyper

IMAGES = easy_images()
INPUTS = network_inputs(IMAGES.unit()[:, None])
LABELS = torch.from_numpy(IMAGES.labels)
TUNING = FineTuningConfig(epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return designed_population(tmp_path_factory.mktemp("designed") / "bases")


def engine(bases: Population) -> DesignedEngine:
    number = next(n for n, one in enumerate(bases.architectures) if one.as_layers is None)
    found = DesignedEngine.from_population(bases, number, channels=1, size=8)
    assert isinstance(found, DesignedEngine)
    return found


def lessons() -> Lessons:
    shares = torch.arange(36).expand(2, -1)
    return Lessons(INPUTS, LABELS, shares, (INPUTS[36:], LABELS[36:]), TUNING)


@pytest.mark.slow
def test_training_is_that_of_the_module(bases: Population) -> None:
    """One step of gradient descent, anew by hand, with the statistics of batch norm moving on."""
    own = engine(bases)
    module = own.design.build(channels=1, size=8, classes=CLASSES)
    module.load_state_dict(initial_state(module, _as_classifier(hyper(5))))
    start = own.architecture.read_state(module.state_dict())[None]
    one = FineTuningConfig(epochs=1, batch_size=36)
    share = torch.arange(36)[None]
    task = Lessons(INPUTS, LABELS, share, (INPUTS[36:], LABELS[36:]), one)
    trained = own.train(start, [_sgd(5)], task, report=lambda part: None)
    module.train()
    torch.nn.functional.cross_entropy(module(INPUTS[:36]), LABELS[:36]).backward()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter -= 0.1 * parameter.grad
    wanted = own.architecture.read_state(module.state_dict())
    torch.testing.assert_close(trained.theta[0], wanted, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(trained.theta[0], start[0], atol=1e-3)


def test_statistics_of_batch_norm_come_back(bases: Population) -> None:
    """A start is stored as effective parameters; training with a rate of nothing moves statistics alone."""
    own, start = engine(bases), bases.theta([0])
    module = own.design.build(channels=1, size=8, classes=CLASSES)
    state = own.architecture.write_state(start[0], like=module.state_dict())
    torch.testing.assert_close(own.architecture.read_state(state), start[0], rtol=1e-6, atol=1e-6)
    assert any("running_var" in name for name in state)


def test_figures_are_those_of_the_stored_parameters(bases: Population) -> None:
    own = engine(bases)
    start = own.initial([hyper(1), hyper(2)])
    parts: list[float] = []
    trained = own.train(start, [hyper(1), hyper(2)], lessons(), report=parts.append)
    assert sum(parts) == pytest.approx(1)
    again = training_figures(own.architecture, trained.theta, INPUTS[36:], LABELS[36:])
    torch.testing.assert_close(trained.test_loss, again.loss)
    assert not trained.diverged.any()
    assert not torch.equal(trained.theta[0], trained.theta[1])


def test_networks_that_diverge_keep_finite_parameters(bases: Population) -> None:
    own = engine(bases)
    start = own.initial([hyper(1), hyper(2)])
    trained = own.train(start, [_sgd(1, rate=1e20), hyper(2)], lessons(), report=lambda part: None)
    assert trained.diverged.tolist() == [True, False]
    assert torch.isfinite(trained.theta).all() and torch.isfinite(trained.test_loss).all()


def test_programs_of_unknown_designs_are_refused(bases: Population, tmp_path: Path) -> None:
    own = engine(bases)
    with PopulationWriter(tmp_path / "p", provenance={"maker": "tests"}) as writer:
        columns = {"design": ["cnn-of-mine"]}
        writer.append_groups([ArchitectureGroup(own.architecture, bases.theta([0]), columns)])
        writer.finish()
    with pytest.raises(ConfigurationError, match="design 'cnn-of-mine', which is not known"):
        DesignedEngine.from_population(Population.open(tmp_path / "p"), 0, channels=1, size=8)


def test_designs_for_other_images_are_refused(bases: Population) -> None:
    number = next(n for n, one in enumerate(bases.architectures) if one.as_layers is None)
    with pytest.raises(ConfigurationError, match="for images of 12 x 12 pixels"):
        DesignedEngine.from_population(bases, number, channels=1, size=12)


def test_lists_of_layers_are_stored_as_such(bases: Population) -> None:
    kinds = [architecture.kind for architecture in bases.architectures]
    assert sorted(kinds) == ["layers", "program"]
    layered = next(one for one in bases.architectures if one.as_layers is not None)
    assert {parameter.name for parameter in layered.parameters} == {
        "stages.0.weight",
        "stages.0.bias",
        "stages.2.weight",
        "stages.2.bias",
        "head.weight",
        "head.bias",
    }


def _sgd(seed: int, *, rate: float = 0.1) -> Hyperparameters:
    return dataclasses.replace(hyper(seed), optimizer="sgd", learning_rate=rate)
