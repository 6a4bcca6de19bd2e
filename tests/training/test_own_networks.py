"""Figures about networks that a run learned from are never given without saying so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scalegmn.checkpoints import write_state
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.main import main
from scalegmn.collections import canonicalize_population
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import Run, evaluate, own_splits, parse_config, select, train
from scalegmn.training._own_networks import NETWORKS
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on a population without a column that names splits."""
    base = tmp_path_factory.mktemp("own")
    population = small_population(base / "p", networks=64, split=False).folder
    changes = {"training__epochs": 1, "data__test": 0.25}
    config, problems = parse_config(options(population, base / "run", **changes))
    assert config is not None and not problems
    return Run.open(train(config).folder)


def part(population: Population, folder: Path, rows: np.ndarray, **columns: object) -> Path:
    """A population of some of the networks."""
    with PopulationWriter(folder, provenance={"maker": "part"}) as writer:
        own = {name: population.column(name)[rows] for name in population.columns}
        writer.append(population.architecture, population.theta(rows), {**own, **columns})  # type: ignore[arg-type]
        writer.finish()
    return folder


@pytest.mark.slow
def test_the_own_population_is_judged_by_the_own_split(run: Run) -> None:
    own = evaluate(run)
    given = evaluate(run, population=run.data.population)
    assert given.report.summary == own.report.summary
    assert given.facts["networks_of_training"] == {"train": 0, "val": 0, "test": 16} and not given.notes


@pytest.mark.parametrize("split", ["train", "val", "all"])
def test_figures_about_training_networks_say_so(run: Run, split: str) -> None:
    for population in (None, run.data.population):
        found = evaluate(run, population=population, split=split)
        assert any("figures about them are too good" in note for note in found.notes)
        assert found.facts["notes"] == list(found.notes)


@pytest.mark.parametrize("copied", ["reversed", "canonicalized", "joined"])
def test_copies_are_recognized_network_by_network(run: Run, tmp_path: Path, copied: str) -> None:
    population, test = Population.open(run.data.population), select(run.data).test
    rows, more = np.arange(64)[::-1], 0
    if copied == "canonicalized":
        other = canonicalize_population(population, tmp_path / "copy", progress=False).folder
    elif copied == "reversed":
        other = part(population, tmp_path / "copy", rows)
    else:
        stranger = small_population(tmp_path / "s", networks=10, seed=9, split=False)
        more = len(stranger)
        with PopulationWriter(tmp_path / "copy", provenance={"maker": "joined"}) as writer:
            for one in (population, stranger):
                writer.append(
                    one.architecture,
                    one.theta(range(len(one))),
                    {name: one.column(name) for name in one.columns},
                )
            writer.finish()
        other = tmp_path / "copy"
    found = evaluate(run, population=other)
    assert found.report.summary["networks"] == len(test) + more
    assert found.facts["networks_of_training"] == {"train": 0, "val": 0, "test": 16}
    assert any("they were put into its own splits" in note for note in found.notes)


def test_a_column_does_not_make_training_networks_test_networks(run: Run, tmp_path: Path) -> None:
    population, learned = Population.open(run.data.population), select(run.data).train
    other = part(population, tmp_path / "copy", learned, split=["test"] * len(learned))
    with pytest.raises(PopulationError, match=r"no networks in the split 'test' .*put into its own splits"):
        evaluate(run, population=other)
    assert evaluate(run, population=other, split="train").report.summary["networks"] == len(learned)


def test_other_networks_without_a_column_are_all_judged_and_it_is_said(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_population(tmp_path / "s", networks=12, seed=5, split=False).folder
    path = tmp_path / "out.json"
    assert main(["evaluate", str(run.folder), "--population", str(other), "--output", str(path)]) == OK
    printed, written = capsys.readouterr().out, json.loads(path.read_text())
    assert written["networks"] == 12 and written["networks_of_training"] == {"train": 0, "val": 0, "test": 0}
    assert len(written["notes"]) == 1 and "has no column 'split'" in written["notes"][0]
    assert "Note: " in printed and "has no column 'split'" in " ".join(printed.split())


def test_a_picture_of_training_networks_says_so(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    command = ["embed", str(run.data.population), "--run", str(run.folder), "-o", str(tmp_path / "e.png")]
    assert main(command) == OK
    assert "were trained on" in capsys.readouterr().out


def test_answers_about_files_of_training_networks_say_so(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    population, chosen = Population.open(run.data.population), select(run.data)
    rows = [int(chosen.train[0]), int(chosen.val[0]), int(chosen.test[0])]
    for place, theta in enumerate(population.theta(rows)):
        write_state(tmp_path / f"{place}.safetensors", population.architecture.unflatten(theta))
    assert main(["predict", str(run.folder), str(tmp_path), "--json", "-"]) == OK
    train, val, test = (" ".join(row["notes"]) for row in json.loads(capsys.readouterr().out))
    assert "was trained on this very network" in train and "best epoch" in val
    assert "very network" not in test
    rescaled = population.theta(rows[:1])[0] * 1.001
    write_state(tmp_path / "other.safetensors", population.architecture.unflatten(rescaled))
    assert main(["predict", str(run.folder), str(tmp_path / "other.safetensors"), "--json", "-"]) == OK
    assert "very network" not in capsys.readouterr().out


def test_an_older_run_is_asked_for_its_population(run: Run, tmp_path: Path) -> None:
    population = Population.open(run.data.population)
    other = part(population, tmp_path / "copy", np.arange(20))
    before = own_splits(run, Population.open(other), np.arange(20))
    kept = (run.folder / NETWORKS).read_bytes()
    try:
        (run.folder / NETWORKS).unlink()
        found = own_splits(run, Population.open(other), np.arange(20))
        assert before is not None and found is not None and (found == before).all()
        population.folder.rename(tmp_path / "away")
        assert own_splits(run, Population.open(other), np.arange(20)) is None
        assert "its population is not at hand" in evaluate(run, population=other).notes[-1]
        (tmp_path / "away").rename(population.folder)
        (run.folder / NETWORKS).write_bytes(b"\x93NUMPY of another kind")
        with pytest.raises(ConfigurationError, match="damaged"):
            own_splits(run, Population.open(other), np.arange(20))
    finally:
        (run.folder / NETWORKS).write_bytes(kept)
