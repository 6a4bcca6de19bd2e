from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_state, write_state
from scalegmn.errors import ConfigurationError, GraphError
from scalegmn.metrics import conformal_p_values
from scalegmn.seeding import generator
from scalegmn.symmetry import SymmetryAction
from scalegmn.training import RESULTS, RUN
from scalegmn.trojans.detection import CALIBRATION, TYPICALITY
from scalegmn.trojans.scanning import Detector, Explain, FileResult, ScanReport, ScanSettings, Verdict, scan
from scalegmn.trojans.scanning import _steps as steps_module
from tests.trojans.scanning.cases import (
    architecture,
    detector_population,
    networks,
    train_detector,
    write_networks,
)
from tests.trojans.scanning.malice import malicious_files

RELU = ScanSettings(activation="relu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a detector of networks with ReLU and with tanh."""
    folder = tmp_path_factory.mktemp("scan")
    detector_population(folder / "population")
    return train_detector(folder / "run", folder / "population")


@pytest.fixture(scope="module")
def detector(folder: Path) -> Detector:
    return Detector.open(folder, device="cpu")


def one(report: ScanReport) -> FileResult:
    (result,) = report.files
    return result


def honest(seed: int = 7) -> dict[str, torch.Tensor]:
    theta, _, _ = networks(1, seed=seed)
    return {name: value.clone() for name, value in architecture().unflatten(theta[0]).items()}


@pytest.mark.slow
def test_training_leaves_a_calibration(folder: Path, detector: Detector) -> None:
    found = detector.calibration
    results = json.loads((folder / RESULTS).read_text())["calibrated"]
    assert results["clean_validation_networks"] == len(found.clean) > 30
    assert {"brier", "ece", "log_loss", "method", "prior"} <= set(results)
    assert sum(map(len, found.by_architecture.values())) == len(found.clean)
    assert set(found.by_architecture) == {architecture(kind).fingerprint for kind in ("relu", "tanh")}
    assert np.array_equal(found.clean, np.sort(found.clean))


def test_answers_are_those_of_the_detector(detector: Detector, tmp_path: Path) -> None:
    paths = write_networks(tmp_path, count=6)
    report = scan(paths, detector=detector, settings=ScanSettings(fpr=0.1, prior=0.2))
    theta, _, _ = networks(6, seed=7)
    logits = detector.run.outputs(architecture(), theta)[:, 0].double().numpy()
    clean = detector.calibration.by_architecture[architecture().fingerprint]
    for result, logit in zip(report.files, logits, strict=True):
        assert result.verdict in (Verdict.clean, Verdict.suspect), result
        assert result.logit == pytest.approx(logit, abs=1e-5)
        p_value = conformal_p_values(logits[:1] * 0 + logit, clean)[0]
        assert result.p_value == pytest.approx(p_value)
        assert (result.verdict is Verdict.suspect) == (p_value <= 0.1)
        assert result.target is not None and result.compared == len(clean)
        odds = detector.calibration.calibrator.log_odds(np.array([result.logit]))[0]
        shifted = (
            odds + np.log(0.2 / 0.8) - np.log(detector.calibration.prior / (1 - detector.calibration.prior))
        )
        assert result.probability == pytest.approx(1 / (1 + np.exp(-shifted)))
        assert sum(share.fraction for share in result.layers) == pytest.approx(1, abs=1e-5)
        assert len(result.neurons) == 5


@pytest.mark.slow
def test_trojaned_networks_are_found(detector: Detector, tmp_path: Path) -> None:
    paths = write_networks(tmp_path, count=40, seed=11)
    report = scan(paths, detector=detector, settings=ScanSettings(fpr=0.1, explain=Explain.suspect))
    _, trojaned, _ = networks(40, seed=11)
    found = np.array([result.verdict is Verdict.suspect for result in report.files])
    assert found[trojaned.numpy()].mean() > 0.5 > found[~trojaned.numpy()].mean() + 0.2
    assert all(bool(result.layers) == (result.verdict is Verdict.suspect) for result in report.files)


@pytest.mark.slow
def test_batches_and_order_change_nothing(detector: Detector, tmp_path: Path) -> None:
    paths = [*write_networks(tmp_path, count=5), *write_networks(tmp_path, count=4, activation="tanh")]
    whole = scan(paths, detector=detector)
    small = scan(paths[::-1], detector=detector, settings=ScanSettings(batch_size=2))
    for left, right in zip(whole.files, small.files[::-1], strict=True):
        assert (left.path, left.verdict, left.p_value) == (right.path, right.verdict, right.p_value)
        assert left.logit == pytest.approx(right.logit, abs=1e-5)


def test_symmetries_change_nothing(detector: Detector, tmp_path: Path) -> None:
    action = SymmetryAction(architecture())
    theta = networks(1, seed=7)[0][0].double()
    moved = action.apply(theta, action.draw(generator=generator(0), spread=10.0))
    for name, value in (("plain", theta), ("moved", moved)):
        write_state(tmp_path / f"{name}.npz", architecture().unflatten(value))
    left, right = scan([tmp_path], detector=detector, settings=RELU).files
    assert left.logit == pytest.approx(right.logit, abs=1e-3)
    assert left.distance == pytest.approx(right.distance, rel=1e-3)
    assert [share.layer for share in left.layers] == [share.layer for share in right.layers]


@pytest.mark.slow
def test_no_file_runs_anything_or_is_found_clean(detector: Detector, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    paths = malicious_files(tmp_path / "files", marker, honest())
    before = set(tmp_path.rglob("*"))
    report = scan([tmp_path / "files"], detector=detector, settings=ScanSettings(max_bytes=2**20))
    verdicts = {Path(result.path).name: result.verdict for result in report.files}
    assert len(verdicts) == len(paths) > 15
    # Two are harmless: strange names of arrays, and a network of which nobody says the activation.
    allowed = {"traversal.npz": Verdict.abstain, "wrong_suffix.safetensors": Verdict.abstain}
    assert verdicts == {path.name: allowed.get(path.name, Verdict.error) for path in paths}
    assert all(result.reason for result in report.files)
    assert not marker.exists() and set(tmp_path.rglob("*")) == before
    reasons = {Path(result.path).name: str(result.reason) for result in report.files}
    assert "system" in reasons["reduce.pt"] and "eval" in reasons["eval.pt"]
    assert "max_bytes" in reasons["bomb.npz"] and "more than once" in reasons["twice.npz"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_numbers_that_are_none_are_not_judged(value: float, detector: Detector, tmp_path: Path) -> None:
    state = {name: tensor.double() for name, tensor in honest().items()}
    state["0.bias"][1] = value
    torch.save(state, tmp_path / "nan.pt")
    result = one(scan([tmp_path / "nan.pt"], detector=detector, settings=RELU))
    assert result.verdict is Verdict.abstain and "0.bias" in str(result.reason) and result.sha256


def test_double_precision_and_reordered_files_are_judged_alike(detector: Detector, tmp_path: Path) -> None:
    state = honest()
    torch.save(state, tmp_path / "a.pt")
    torch.save({name: state[name].double() for name in reversed(state)}, tmp_path / "b.pt")
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, tmp_path / "c.pt")
    plain, double, wrapped = scan([tmp_path], detector=detector, settings=RELU).files
    # To rounding, which depends on the place in a batch.
    for other in (double, wrapped):
        assert other.logit == pytest.approx(plain.logit, rel=1e-5)
    assert plain.notes == double.notes == () and len(wrapped.notes) == 2


def test_strange_networks_are_not_judged(detector: Detector, tmp_path: Path) -> None:
    state = honest()
    state["0.weight"] *= 1000
    state["2.bias"] += 300
    torch.save(state, tmp_path / "large.pt")
    huge = {name: 1e30 * value for name, value in honest().items()}
    torch.save(huge, tmp_path / "huge.pt")
    torch.save({"layer.weight": torch.ones(3, 3)}, tmp_path / "other.pt")
    torch.save(honest(), tmp_path / "unsaid.pt")
    large, other = scan(
        [tmp_path / "large.pt", tmp_path / "other.pt"], detector=detector, settings=RELU
    ).files
    assert large.verdict is other.verdict is Verdict.abstain
    assert "outside the training population" in str(large.reason) and large.distance is not None
    assert large.distance > detector.calibration.threshold
    assert f"{detector.calibration.threshold:.4g}" in str(large.reason) and large.probability is None
    beyond = one(scan([tmp_path / "huge.pt"], detector=detector, settings=RELU))
    assert (
        beyond.verdict is Verdict.abstain
        and "nan" not in str(beyond.reason)
        and "inf" not in str(beyond.reason)
    )
    assert "unknown architecture" in str(other.reason)
    unsaid = one(scan([tmp_path / "unsaid.pt"], detector=detector))
    assert unsaid.verdict is Verdict.abstain and "--activation" in str(unsaid.reason)


def test_folders_are_searched_and_an_empty_one_is_an_error(detector: Detector, tmp_path: Path) -> None:
    write_networks(tmp_path / "a" / "deep", count=2)
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.pt")
    report = scan(
        [tmp_path / "a", tmp_path / "empty", tmp_path / "none.pt", tmp_path / "pipe.pt", tmp_path / "a"],
        detector=detector,
    )
    assert [result.verdict for result in report.files][2:] == [Verdict.error] * 3
    assert "no file of a model" in str(report.files[2].reason)
    assert len(report.files) == 5 and report.skipped == (str(tmp_path / "a" / "notes.txt"),)
    assert report.gravest in (Verdict.error, Verdict.suspect)


@pytest.mark.slow
def test_a_thousand_files_with_a_broken_one(detector: Detector, tmp_path: Path) -> None:
    # 1,500 files by links to 30; more take the same way and only longer.
    originals = write_networks(tmp_path / "originals", count=30)
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1500):
        os.link(originals[number % 30], many / f"{number:04}.safetensors")
    (many / "0777.safetensors").unlink()
    (many / "0777.safetensors").write_bytes(b"broken")
    report = scan([many], detector=detector)
    counts = Counter(result.verdict for result in report.files)
    assert counts[Verdict.error] == 1 and counts.total() == 1500
    assert report.files[777].verdict is Verdict.error
    assert len({result.logit for result in report.files}) == 31
    assert [Path(result.path).name for result in report.files] == sorted(path.name for path in many.iterdir())


@pytest.mark.slow
def test_a_crash_is_gone_on_from(detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_networks(tmp_path / "files", count=9)
    settings, journal = ScanSettings(batch_size=2), tmp_path / "journal"
    whole = scan(paths, detector=detector, settings=settings)
    judge, judged = steps_module.evaluate_candidates, []

    def crashing(own: Detector, candidates: list, *, settings: ScanSettings):  # type: ignore[no-untyped-def, type-arg]
        if len(judged) == 4:
            raise KeyboardInterrupt
        judged.extend(candidates)
        return judge(own, candidates, settings=settings)

    with monkeypatch.context() as patch:
        patch.setattr(steps_module, "evaluate_candidates", crashing)
        with pytest.raises(KeyboardInterrupt):
            scan(paths, detector=detector, settings=settings, journal=journal)
    again: list[object] = []
    monkeypatch.setattr(
        steps_module,
        "evaluate_candidates",
        lambda own, candidates, *, settings: (
            again.extend(candidates) or judge(own, candidates, settings=settings)
        ),
    )
    # Finished files are known by their content, not by their names.
    moved = paths[0].with_name("moved.safetensors")
    paths[0].rename(moved)
    report = scan([moved, *paths[1:]], detector=detector, settings=settings, journal=journal, resume=True)
    assert len(judged) == 4 and len(again) == 5
    assert [result.verdict for result in report.files] == [result.verdict for result in whole.files]
    assert report.files[0].path == str(moved)
    with pytest.raises(ConfigurationError, match="settings"):
        scan(paths, detector=detector, settings=ScanSettings(fpr=0.3), journal=journal, resume=True)


def test_a_network_that_breaks_the_detector_breaks_nothing_else(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_networks(tmp_path, count=4)
    judge = steps_module.evaluate_candidates

    def failing(own: Detector, candidates: list, *, settings: ScanSettings):  # type: ignore[no-untyped-def, type-arg]
        if any(candidate.path == str(paths[2]) for candidate in candidates):
            raise GraphError("no way to read it")
        return judge(own, candidates, settings=settings)

    monkeypatch.setattr(steps_module, "evaluate_candidates", failing)
    report = scan(paths, detector=detector)
    assert [result.verdict is Verdict.error for result in report.files] == [False, False, True, False]


def test_rates_that_no_network_could_reach_are_refused(detector: Detector, tmp_path: Path) -> None:
    least = 1 / (len(detector.calibration.clean) + 1)
    with pytest.raises(ConfigurationError, match="p-value below"):
        scan([tmp_path], detector=detector, settings=ScanSettings(fpr=0.9 * least))
    scan([tmp_path], detector=detector, settings=ScanSettings(fpr=least))
    for wrong in ({"fpr": 0.0}, {"fpr": 1.0}, {"prior": 1.5}, {"batch_size": 0}, {"max_bytes": 0}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            ScanSettings(**wrong)  # type: ignore[arg-type]


def test_a_detector_of_another_version_is_used_with_a_warning(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "older"
    shutil.copytree(folder, copy)
    facts = json.loads((copy / RUN).read_text())
    facts["versions"]["scalegmn"] = "0.0.1"
    (copy / RUN).write_text(json.dumps(facts))
    report = scan([tmp_path / "none.pt"], detector=copy)
    assert report.detector.run == "older" and report.detector.version == "0.0.1"
    assert "0.0.1" in report.detector.warnings[0]


@pytest.mark.parametrize("harm", ["missing", "format", "model", "statistics", "nonsense"])
def test_a_detector_that_does_not_fit_together_is_refused(harm: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    data = json.loads((copy / CALIBRATION).read_text())
    if harm == "missing":
        (copy / CALIBRATION).unlink()
    elif harm == "model":
        weights = copy / "model" / "model.safetensors"
        state = read_state(weights).tensors
        write_state(weights, {name: value + 1 for name, value in state.items()}, overwrite=True)
    elif harm == "statistics":
        content = bytearray((copy / TYPICALITY).read_bytes())
        content[-1] ^= 1
        (copy / TYPICALITY).write_bytes(content)
    else:
        change = {"format": 99} if harm == "format" else {"calibrator": {"method": "guess"}}
        (copy / CALIBRATION).write_text(json.dumps(data | change))
    with pytest.raises(ValueError, match="calibration"):
        Detector.open(copy)
