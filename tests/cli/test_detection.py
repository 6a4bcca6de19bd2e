"""Trojan detection from the command line: train, evaluate, predict and compare."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from scalegmn.checkpoints import write_state
from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.main import main
from scalegmn.metrics import auroc
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import NetworkDataset, Run, select, to_yaml
from tests.trojans.detection.detection_cases import CLASSES, KINDS, options, twins


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    return twins(tmp_path_factory.mktemp("detection") / "twins")


@pytest.fixture(scope="module")
def run_folder(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detection") / "run"
    assert main(["train", *options(population.folder, folder, training__epochs=15)]) == OK
    return folder


@pytest.mark.slow
def test_a_detector_learns_and_says_how_well(population: Population, run_folder: Path) -> None:
    found = json.loads((run_folder / "results.json").read_text())["test"]
    assert found["auroc"] > 0.9
    assert found["auroc_interval_95"][0] <= found["auroc"] <= found["auroc_interval_95"][1]
    assert set(found["by_trigger_kind"]) == set(KINDS) and set(found["by_activation"]) == {"relu", "tanh"}
    scores = np.load(run_folder / "scores.npy")
    assert auroc(scores[:, 0], scores[:, 1]) == pytest.approx(found["auroc"])
    assert (run_folder / "roc.png").is_file() and (run_folder / "calibration.png").is_file()
    selection = select(Run.open(run_folder).data)
    networks = population.column("network")
    parts = [set(networks[rows]) for rows in (selection.train, selection.val, selection.test)]
    assert not (parts[0] & parts[2] or parts[1] & parts[2] or parts[0] & parts[1])
    assert found["networks"] == len(selection.test) == len(scores)


@pytest.mark.slow
def test_evaluation_gives_the_figures_of_the_training(run_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "again.json"
    assert main(["evaluate", str(run_folder), "--by", "poisoned", "--output", str(output)]) == OK
    found, results = json.loads(output.read_text()), json.loads((run_folder / "results.json").read_text())
    for name in ("auroc", "tpr_at_5_fpr", "brier", "target_accuracy", "by_activation", "networks"):
        assert found[name] == results["test"][name]
    # Clean twins alone have no order to be measured.
    assert found["by_poisoned"]["False"]["auroc"] is None
    assert (tmp_path / "again-roc.png").is_file() and (tmp_path / "again-calibration.png").is_file()


@pytest.mark.slow
def test_figures_of_networks_that_are_not_abstained_on(
    population: Population, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run_folder), "--split", "all", "--output", str(tmp_path / "all.json")]) == OK
    assert "With abstentions" in capsys.readouterr().out
    found = json.loads((tmp_path / "all.json").read_text())
    run = Run.open(run_folder)
    networks = NetworkDataset(
        population=population,
        rows=np.arange(len(population)),
        targets=run.task.targets(population, np.arange(len(population))),
        canonicalize=run.canonicalize,
        memory_limit=0.0,
    )
    kept = run.task.answered(networks, folder=run_folder, known=run.architectures)
    assert set(kept) == set(found["abstentions"]) == {"typical", "typical_of_a_known_architecture"}
    assert np.array_equal(*kept.values())
    scores = np.load(tmp_path / "all-scores.npy")
    for rule, mask in kept.items():
        entry = found["abstentions"][rule]
        assert (entry["networks"], entry["abstained"]) == (mask.sum(), (~mask).sum())
        assert entry["fraction_abstained"] == (~mask).mean() < 0.2
        assert entry["figures"]["auroc"] == auroc(*scores[mask].T)


@pytest.mark.slow
def test_networks_of_another_kind_are_abstained_on(run_folder: Path, tmp_path: Path) -> None:
    """Wider networks are read all the same; those with huge weights are nowhere near the training's."""
    for name, strength, channels in (("wide", 2.0, (1, 6, 6)), ("wild", 200.0, (1, 4, 4))):
        other = twins(tmp_path / name, pairs=12, seed=3, strength=strength, channels=channels)
        output = tmp_path / f"{name}.json"
        command = ["evaluate", str(run_folder), "--population", str(other.folder), "--output", str(output)]
        assert main(command) == OK
        found = json.loads(output.read_text())
        assert (found["networks"], found["trojaned"]) == (len(other), int(other.column("trojaned").sum()))
        assert found["auroc"] is not None
        typical, scanned = (found["abstentions"][rule] for rule in sorted(found["abstentions"]))
        if name == "wide":
            assert (scanned["networks"], scanned["fraction_abstained"], scanned["figures"]) == (0, 1.0, None)
        else:
            assert typical == scanned
            assert typical["figures"]["trojaned"] == 0 < typical["networks"] < len(other)


@pytest.mark.slow
def test_networks_that_cannot_be_read_are_left_out_and_told(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = twins(tmp_path / "deep", pairs=8, channels=(1, 4, 4, 4))
    command = ["evaluate", str(run_folder), "--output", str(tmp_path / "found.json"), "--population"]
    assert main([*command, str(deep.folder)]) != OK
    assert "cannot read networks" in capsys.readouterr().err
    with PopulationWriter(tmp_path / "mixed", provenance={}) as writer:
        for made in (deep, twins(tmp_path / "other", pairs=8, seed=5)):
            for number, architecture in enumerate(made.architectures):
                rows = np.flatnonzero(made.column("architecture") == number)
                columns = {name: made.column(name)[rows] for name in made.columns}
                writer.append(architecture, made.theta(rows), columns)
        writer.finish()
    assert main([*command, str(tmp_path / "mixed")]) == OK
    assert "16 of the 32 networks, of 2 architectures, are none that the model can read" in " ".join(
        capsys.readouterr().out.split()
    )
    assert json.loads((tmp_path / "found.json").read_text())["networks"] == 16


@pytest.mark.slow
def test_a_curve_over_a_column(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "curve.json"
    command = ["evaluate", str(run_folder), "--split", "all", "--output", str(output)]
    assert main([*command, "--curve", "target"]) == OK
    assert "Over target, each with the same" in capsys.readouterr().out
    found = json.loads(output.read_text())
    assert [entry["from"] for entry in found["curve_target"]] == [0.0, 1.0, 2.0]
    for entry in found["curve_target"]:
        assert entry["figures"]["trojaned"] == entry["networks"] > 0
        assert entry["figures"]["networks"] - entry["networks"] == found["networks"] - found["trojaned"]
    assert (tmp_path / "curve-curve.png").read_bytes().startswith(b"\x89PNG")
    assert main([*command, "--curve", "target", "--edges", "[0, 1.5, 3]"]) == OK
    ends = [(entry["from"], entry["to"]) for entry in json.loads(output.read_text())["curve_target"]]
    assert ends == [(0.0, 1.5), (1.5, 3.0)]
    capsys.readouterr()
    for wrong, message in (
        (["--curve", "wrong"], "has no column 'wrong'"),
        (["--edges", "[0, 1]"], "name it with --curve"),
        (["--curve", "target", "--bins", "0"], "count"),
    ):
        assert main([*command, *wrong]) == USAGE
        assert message in capsys.readouterr().err


def test_single_files_get_a_verdict(
    population: Population, run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = int(np.flatnonzero(population.column("trojaned"))[0])
    architecture = population.architectures[0]
    path = tmp_path / "a.safetensors"
    write_state(path, architecture.unflatten(population.theta([row])[0]))
    run = Run.open(run_folder)
    assert len(run.architectures) == 2
    capsys.readouterr()
    # Both architectures have the same parameters, so a file alone does not tell which it is of.
    assert main(["predict", str(run_folder), str(path), "--json", "-"]) != OK
    assert "relu or tanh" in capsys.readouterr().out
    outputs = run.outputs(architecture, population.theta([row]))
    (answer,) = run.task.describe(outputs)
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-float(outputs[0, 0]))), abs=1e-6)
    assert len(answer["target_probabilities"]) == CLASSES


@pytest.mark.slow
def test_verdicts_of_one_architecture(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = options(population.folder, tmp_path / "run", metanetwork="feature_logistic")
    command += ['--data.where={"activation": "relu"}', "--features.type=last_layer"]
    assert main(["train", *command]) == OK
    row = int(np.flatnonzero(population.column("trojaned"))[0])
    state = population.architectures[0].unflatten(population.theta([row])[0])
    write_state(tmp_path / "a.safetensors", state)
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "a.safetensors"), "--json", "-"]) == OK
    (answer,) = json.loads(capsys.readouterr().out)
    assert answer["trojaned"] is True and answer["probability"] > 0.5
    # It does not predict for which class.
    assert answer["target"] is None
    assert main(["predict", str(tmp_path / "run"), str(tmp_path / "a.safetensors")]) == OK
    shown = capsys.readouterr().out
    assert "probability" in shown and "True" in shown


@pytest.mark.parametrize(
    ("changes", "without", "match"),
    [
        ({}, ("trojaned",), "trojan_detection: .*no column 'trojaned'"),
        ({"detection.target_weight": 0.5}, ("target",), "no column 'target'"),
        ({"data.where": '{"trojaned": false}'}, (), "only networks with trojaned 0 for training"),
        ({"metanetwork": "feature_logistic", "features.type": "guess"}, (), "features.type is 'guess'"),
    ],
)
def test_mistakes_are_found_before_anything_is_done(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    without: tuple[str, ...],
    match: str,
) -> None:
    folder = twins(tmp_path / "twins", pairs=12, without=without).folder
    assert main(["train", *options(folder, tmp_path / "run", **changes)]) == USAGE
    said = " ".join(capsys.readouterr().err.split())
    assert pytest.RaisesExc(ValueError, match=match).matches(ValueError(said)), said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_comparison_shows_detectors_side_by_side(
    population: Population, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = [text[2:].split("=", 1) for text in options(population.folder, tmp_path, training__epochs=1)]
    content = {
        "base": {
            key: (value if key == "task" else yaml_value(value)) for key, value in base if key != "output"
        },
        "models": {
            "ScaleGMN": {},
            "norms + logistic": {"metanetwork": "feature_logistic", "features.type": "norms"},
            "last + boosting": {"metanetwork": "feature_boosting", "features.type": "last_layer"},
        },
        "seeds": [0],
    }
    (tmp_path / "compare.yaml").write_text(to_yaml(content))
    output = tmp_path / "out"
    assert main(["compare", "--config", str(tmp_path / "compare.yaml"), "--output", str(output)]) == OK
    assert {"roc.png", "comparison.png", "table.md"} <= {path.name for path in output.iterdir()}
    assert (output / "norms-logistic-seed0" / "roc.png").is_file()
    with (output / "table.csv").open(newline="") as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    assert float(rows["last + boosting"]["auroc_mean"]) > 0.9
    # An interval of the difference, from the same resamples of the test networks.
    assert rows["last + boosting"]["difference_95_low"] != ""
    assert (
        rows["ScaleGMN"]["target_accuracy_mean"] != ""
        and rows["last + boosting"]["target_accuracy_mean"] == ""
    )
    text = (output / "table.md").read_text()
    assert "Trojan detection: " in text and "TPR at 5 % FPR" in text and "undefined" not in text


def yaml_value(text: str) -> object:
    """A value as a YAML file would give it."""
    try:
        return json.loads(text)
    except ValueError:
        return text
