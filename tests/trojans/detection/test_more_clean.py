"""Clean networks that are added to those of a detector's calibration."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.metrics import conformal_p_values, fewest_networks
from scalegmn.networks import mlp
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import Run
from scalegmn.trojans.detection import Calibration, with_more_clean
from tests.trojans.scanning.cases import architecture, detector_population, networks, train_detector


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detector")
    detector_population(folder / "population")
    train_detector(folder / "run", folder / "population", training__epochs=1)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return Run.open(folder / "run")


@pytest.fixture(scope="module")
def calibration(folder: Path) -> Calibration:
    return Calibration.load(folder / "run")


def others(folder: Path, *, columns: bool = True, count: int = 210) -> Population:
    """Networks of another seed, with ReLU alone, every second one trojaned."""
    theta, trojaned, _ = networks(count, seed=100)
    with PopulationWriter(folder, provenance={"maker": "test"}) as writer:
        own = {"trojaned": trojaned.numpy()} if columns else {"number": np.arange(count)}
        writer.append(architecture(), theta, own)
        writer.finish()
    return Population.open(folder)


@pytest.mark.slow
def test_each_goes_to_its_architecture(run: Run, calibration: Calibration, tmp_path: Path) -> None:
    found = with_more_clean(run, calibration, others(tmp_path / "others"))
    relu, tanh = architecture("relu"), architecture("tanh")
    assert len(found.clean) == len(calibration.clean) + 105
    before, after = (one.by_architecture[relu.fingerprint] for one in (calibration, found))
    assert len(after) == len(before) + 105 and np.all(np.diff(after) >= 0)
    assert np.array_equal(*(one.by_architecture[tanh.fingerprint] for one in (calibration, found)))
    # Where there are enough they are compared with their own kind, and otherwise with all.
    assert found.reference(relu, fpr=0.01)[1] and not calibration.reference(relu, fpr=0.01)[1]
    assert not found.reference(tanh, fpr=0.01)[1]
    assert found.reference(relu, fpr=0.01)[0] is found.by_architecture[relu.fingerprint]


def test_p_values_of_clean_networks_are_even_within_an_architecture(
    run: Run, calibration: Calibration, tmp_path: Path
) -> None:
    found = with_more_clean(run, calibration, others(tmp_path / "others"))
    theta, trojaned, _ = networks(400, seed=200)
    logits = run.outputs(architecture(), theta[~trojaned])[:, 0].double().numpy()
    p_values = conformal_p_values(logits, found.reference(architecture(), fpr=0.05)[0])
    assert 0.15 < (p_values <= 0.25).mean() < 0.35


def test_what_is_written_is_read_again(
    run: Run, calibration: Calibration, folder: Path, tmp_path: Path
) -> None:
    found = with_more_clean(run, calibration, others(tmp_path / "others"))
    copy = tmp_path / "run"
    copy.mkdir()
    (copy / "model").symlink_to(folder / "run" / "model")
    found.save(copy)
    again = Calibration.load(copy)
    assert np.array_equal(again.clean, found.clean) and again.networks == found.networks


def test_networks_that_were_learned_from_are_left_out(
    run: Run, calibration: Calibration, folder: Path
) -> None:
    own = Population.open(folder / "population")
    found = with_more_clean(run, calibration, own)
    test = len(own) - run.facts["networks"]["train"] - run.facts["networks"]["val"]
    assert 0 < len(found.clean) - len(calibration.clean) <= test
    with pytest.raises(ConfigurationError, match=r"no network of .* has trojaned 7"):
        with_more_clean(run, calibration, own, where={"trojaned": 7})


def test_without_the_column_all_are_clean(run: Run, calibration: Calibration, tmp_path: Path) -> None:
    found = with_more_clean(run, calibration, others(tmp_path / "others", columns=False))
    assert len(found.clean) == len(calibration.clean) + 210


def test_unknown_networks_and_unknown_splits_are_refused(
    run: Run, calibration: Calibration, tmp_path: Path
) -> None:
    strange = mlp(widths=(4, 7, 3), activations=list(architecture().hidden_activations))
    with PopulationWriter(tmp_path / "strange", provenance={"maker": "test"}) as writer:
        writer.append(strange, networks(1)[0].new_zeros(3, strange.num_parameters), {"n": np.arange(3)})
        writer.finish()
    with pytest.raises(PopulationError, match="no clean network of the architectures"):
        with_more_clean(run, calibration, Population.open(tmp_path / "strange"))
    facts = {**run.facts, "populations": {}}
    forgetful = dataclasses.replace(run, folder=tmp_path, facts=facts)
    with pytest.raises(ConfigurationError, match="not known which of these"):
        with_more_clean(forgetful, calibration, others(tmp_path / "others"))


def test_how_many_networks_a_level_needs() -> None:
    assert [fewest_networks(level) for level in (0.01, 0.05, 0.5, 1.0, 0.011)] == [99, 19, 1, 0, 90]
