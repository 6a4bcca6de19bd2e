"""Abstentions on networks that answer reference inputs unlike those of the detector's training."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.configuration import Sections
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import Population
from scalegmn.training import FinishedTraining, NetworkDataset
from scalegmn.trojans.detection import Calibration, DetectionConfig, with_reference_inputs
from scalegmn.trojans.detection._answered import SCANNED, answered_networks
from scalegmn.trojans.detection._calibrating import CALIBRATION, INPUTS
from scalegmn.trojans.detection._reference_inputs import compare_answers, measure_answers
from scalegmn.trojans.scanning import Detector, ScanReport, Verdict, scan, scan_page, to_sarif
from scalegmn.trojans.scanning._page import _details
from scalegmn.trojans.scanning._results import failing
from tests.trojans.detection.test_reference_inputs import SETS, alike, batch
from tests.trojans.scanning.cases import detector_population, write_networks


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inputs") / "inputs.safetensors"
    write_state(path, {"x": SETS[0].float()})
    return path


@pytest.fixture
def run(small_detector: Detector, tmp_path: Path) -> Path:
    """A copy of a run folder."""
    return Path(shutil.copytree(small_detector.run.folder, tmp_path / "run"))


def population_of(detector: Detector) -> Population:
    return Population.open(detector.run.folder.parent / "population")


def taught(detector: Detector, inputs: Path) -> Calibration:
    return with_reference_inputs(detector.run, detector.calibration, population_of(detector), inputs=inputs)


def foreign(detector: Detector) -> Calibration:
    """Of a training whose networks all compute nearly the same, which the detector's files do not."""
    known = measure_answers(SETS, train=[batch(alike(60, seed=2))], validation=[batch(alike(99, seed=3))])
    return dataclasses.replace(detector.calibration, inputs=known)


def scanned(detector: Detector, calibration: Calibration, folder: Path) -> ScanReport:
    if not any(folder.iterdir()):
        write_networks(folder, count=12)
    return scan([folder], detector=dataclasses.replace(detector, calibration=calibration))


@pytest.mark.slow
def test_it_abstains_and_says_why(small_detector: Detector, tmp_path: Path) -> None:
    before = scanned(small_detector, small_detector.calibration, tmp_path)
    report = scanned(small_detector, foreign(small_detector), tmp_path)
    assert sum(one.verdict is Verdict.abstain for one in before.files) < 3
    assert all(one.verdict is Verdict.abstain for one in report.files)
    reason = "answers the detector's reference inputs unlike its training networks: p = 0.01, expected more"
    (first, *_) = [one for one in report.files if "population" not in str(one.reason)]
    assert str(first.reason).startswith(reason) and first.logit is first.p_value is None
    assert failing(report, list(Verdict)) is Verdict.abstain
    entry = json.loads(json.dumps(report.to_dict()))["files"][0]
    assert entry["inputs_p_value"] == 0.01 and before.to_dict()["files"][0]["inputs_p_value"] is None
    assert "reference inputs unlike its training networks: p = 0.01" in scan_page(report)
    assert "reference inputs unlike its training networks: p = 0.01" in json.dumps(
        to_sarif(report, exit_code=3)
    )


@pytest.mark.slow
def test_networks_like_those_of_the_training_are_evaluated(
    small_detector: Detector, inputs: Path, tmp_path: Path
) -> None:
    report = scanned(small_detector, taught(small_detector, inputs), tmp_path)
    judged = [one for one in report.files if one.verdict in (Verdict.clean, Verdict.suspect)]
    assert len(judged) > 8 and all(one.inputs_p_value for one in judged)
    before = {one.path: one for one in scanned(small_detector, small_detector.calibration, tmp_path).files}
    assert all(one.p_value == before[one.path].p_value for one in judged)
    assert f"reference inputs {judged[0].inputs_p_value:.4g}; compared with" in _details(judged[0])


def test_a_training_measures_what_can_be_added_later(
    small_detector: Detector, inputs: Path, run: Path
) -> None:
    splits = {"train": np.arange(0, 60), "val": np.arange(60, 96)}
    task, population = small_detector.run.task, population_of(small_detector)
    sets = {
        name: NetworkDataset(
            population=population,
            rows=rows,
            targets=task.targets(population, rows),
            canonicalize=True,
            memory_limit=0.0,
        )
        for name, rows in splits.items()
    }
    training = FinishedTraining(
        folder=run,
        options=Sections({"detection": DetectionConfig(inputs=inputs)}),
        model=small_detector.run.predictor,
        groups=None,
        architectures=small_detector.run.architectures,
        batch_size=32,
        **sets,
    )
    task.finish(training, None)
    (found,) = Calibration.load(run).inputs
    assert len(found.distances) == 36 and torch.allclose(found.inputs, SETS[0], atol=1e-2)
    (later,) = taught(small_detector, inputs).inputs
    assert len(later.distances) == small_detector.run.facts["networks"]["val"]


def test_what_was_added_is_written_and_read(small_detector: Detector, inputs: Path, run: Path) -> None:
    calibration = taught(small_detector, inputs)
    calibration.save(run)
    again, networks = Detector.open(run, device="cpu"), batch(alike(5, seed=6))
    assert compare_answers(again.calibration.inputs, networks) == compare_answers(
        calibration.inputs, networks
    )
    assert "no reference inputs" in small_detector.identity.warnings[-1] and again.identity.warnings == ()
    assert again.identity.files_sha256 != small_detector.identity.files_sha256
    (run / INPUTS).write_bytes(b"")
    with pytest.raises(ValueError, match="calibration_inputs"):
        Detector.open(run)
    small_detector.calibration.save(run)
    assert not (run / INPUTS).exists() and Calibration.load(run).inputs == ()


def test_calibrations_of_before_are_read(run: Path) -> None:
    data = json.loads((run / CALIBRATION).read_text())
    del data["inputs_sha256"]
    (run / CALIBRATION).write_text(json.dumps(data | {"format": 1}))
    assert "no reference inputs" in Detector.open(run, device="cpu").identity.warnings[-1]
    (run / CALIBRATION).write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match="inputs_sha256 is None, expected a text"):
        Detector.open(run)


@pytest.mark.slow
def test_figures_leave_out_what_a_scan_does(
    small_detector: Detector, inputs: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    population, rows = population_of(small_detector), np.arange(24)
    networks = NetworkDataset(
        population=population,
        rows=rows,
        targets=small_detector.run.task.targets(population, rows),
        canonicalize=True,
        memory_limit=0.0,
    )

    def kept(calibration: Calibration) -> int:
        calibration.save(run)
        found = answered_networks(networks, folder=run, known=small_detector.architectures)
        return int(found[SCANNED].sum())

    strangers, own = foreign(small_detector), taught(small_detector, inputs)
    assert kept(strangers) == 0 < kept(own) <= kept(small_detector.calibration)
    # Weights count, unless the model is of any width: then answers are enough.
    nowhere = {"threshold": 0.0}
    assert kept(dataclasses.replace(own, **nowhere)) == 0
    monkeypatch.setattr(type(small_detector.run.model), "any_width", True)
    assert kept(dataclasses.replace(own, **nowhere)) >= kept(own) > 0 == kept(strangers)


def test_inputs_and_networks_must_be_those_of_the_training(
    small_detector: Detector, inputs: Path, tmp_path: Path
) -> None:
    calibration, own = small_detector.calibration, population_of(small_detector)
    other = detector_population(tmp_path / "other", count=8, activations=("tanh",))
    with pytest.raises(PopulationError, match="too few networks that the detector was trained"):
        with_reference_inputs(small_detector.run, calibration, other, inputs=inputs)
    write_state(tmp_path / "wide.safetensors", {"x": torch.ones(2, 5)})
    with pytest.raises(ConfigurationError, match=r"holds inputs of the shapes \(5,\), which"):
        with_reference_inputs(small_detector.run, calibration, own, inputs=tmp_path / "wide.safetensors")
