from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from scalegmn.comparison import FAILURES, collect, compare, comparison_errors
from scalegmn.comparison import _running as running
from scalegmn.comparison._status import RECORD, RunStatus, status_of
from scalegmn.errors import ConfigurationError
from scalegmn.training import RunConfig
from tests.comparison.cases import comparison_file, configured
from tests.training.small import small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("population") / "small", networks=48).folder


@pytest.fixture(scope="module")
def done(population: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a comparison that is finished, and must not be changed."""
    path = comparison_file(tmp_path_factory.mktemp("done"), population)
    lines: list[str] = []
    assert compare(configured(path), tell=lines.append, command=["scalegmn", "compare"]) == ()
    (path.parent / "lines.txt").write_text("\n".join(lines))
    return path


def refuse(*args: object, **kwargs: object) -> None:
    raise AssertionError("nothing was left to train")


def quiet(line: str) -> None:
    pass


@pytest.mark.slow
def test_every_run_is_an_ordinary_run_folder(done: Path) -> None:
    config = configured(done)
    for run in config.runs:
        assert status_of(run) is RunStatus.finished
        facts = json.loads((run.folder / "run.json").read_text())
        assert (facts["seed"], facts["command"]) == (run.seed, "scalegmn compare")
    names = [run.folder.name for run in config.runs]
    assert sorted(path.name for path in config.output.iterdir()) == sorted([*names, RECORD])
    record = yaml.safe_load((config.output / RECORD).read_text())
    assert record["models"]["flat MLP"]["flat_mlp"]["hidden"] == [4]


def test_a_line_per_training(done: Path) -> None:
    first, *lines = (done.parent / "lines.txt").read_text().splitlines()
    assert first == "4 training runs to do"
    results = [json.loads((run.folder / "results.json").read_text()) for run in configured(done).runs]
    for number, (line, found) in enumerate(zip(lines, results, strict=True), start=1):
        assert f"accuracy {found['test']['accuracy']:.4f}, loss {found['test']['loss']:.4f}" in line
        assert line.endswith(f" s ({number} of 4)")
    assert lines[1].startswith("flat MLP, seed 0: ")


def test_what_is_finished_is_not_repeated(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "train", refuse)
    config = configured(done)
    lines: list[str] = []
    assert comparison_errors(config) == []
    assert compare(config, tell=lines.append) == ()
    assert lines == ["0 training runs to do, 4 are finished already"]


def test_results_come_from_the_run_folders(done: Path) -> None:
    comparison = collect(configured(done))
    assert comparison is not None
    assert comparison.metrics == ("accuracy", "loss")
    assert (comparison.networks, comparison.seeds, comparison.reference) == (12, (0, 1), "ScaleGMN")
    assert {model.name for model in comparison.models} == {"ScaleGMN", "flat MLP", "most frequent class"}
    means = []
    trained = [model for model in comparison.models if model.name != "most frequent class"]
    for model in trained:
        expected = [
            json.loads((run.folder / "results.json").read_text())["test"]["accuracy"] for run in model.runs
        ]
        assert [run.value("accuracy") for run in model.runs] == expected
        means.append(sum(expected) / 2)
        assert model.mean("accuracy") == pytest.approx(means[-1])
    assert means == sorted(means, reverse=True)
    difference = comparison.differences["flat MLP"]
    by_name = dict(zip((model.name for model in trained), means, strict=True))
    assert difference.mean == pytest.approx(by_name["flat MLP"] - by_name["ScaleGMN"])
    # A classification writes no predictions for single networks.
    assert difference.interval is None


def test_more_models_and_seeds_join_what_is_there(
    population: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, int]] = []

    def fake(config: RunConfig, **_: object) -> None:
        trained.append((config.folder.name, config.training.seed))
        raise ConfigurationError("enough")

    monkeypatch.setattr(running, "train", fake)
    models = {"permutation-only": {"model.symmetry": "permutation"}, "ScaleGMN": {}}
    path = comparison_file(tmp_path, population, models=models, output=str(done.parent / "out"))
    config = configured(path, "--seeds", "1", "7")
    assert comparison_errors(config) == []
    compare(config, tell=quiet)
    assert trained == [
        ("permutation-only-seed1", 1),
        ("permutation-only-seed7", 7),
        ("scalegmn-seed7", 7),
    ]
    for folder, _ in trained:
        (done.parent / "out" / FAILURES / f"{folder}.txt").unlink()
    (done.parent / "out" / FAILURES).rmdir()
    compare(configured(done), tell=quiet)


def test_only_some_are_trained_and_all_that_are_finished_are_shown(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "train", refuse)
    lines: list[str] = []
    config = configured(done, "--only", "flat MLP")
    compare(config, tell=lines.append)
    assert lines == ["0 training runs to do, 2 are finished already"]
    comparison = collect(config)
    assert comparison is not None
    assert all(len(model.runs) == 2 for model in comparison.models)


@pytest.mark.slow
def test_one_that_fails_is_reported_and_the_others_go_on(population: Path, tmp_path: Path) -> None:
    wild = {
        "training": {"learning_rate": 1e30, "gradient_clip": None, "epochs": 3},
        "model": {"features": 8, "dropout": 0.2},
    }
    path = comparison_file(tmp_path, population, models={"wild": wild, "tame": {}}, seeds=[0])
    config = configured(path)
    lines: list[str] = []
    (failure,) = compare(config, tell=lines.append)
    assert failure.run.model == "wild"
    assert "lower training.learning_rate, which is 1e+30" in failure.reason
    assert lines[1].startswith("wild, seed 0: failed after")
    assert lines[2].startswith("tame, seed 0: accuracy")
    written = (config.output / FAILURES / "wild-seed0.txt").read_text()
    assert failure.reason in written
    assert "Traceback" in written
    comparison = collect(config)
    assert comparison is not None
    found = {model.name: len(model.runs) for model in comparison.models}
    assert found == {"tame": 1, "most frequent class": 1, "wild": 0}


@pytest.mark.slow
def test_unexpected_errors_stop_nothing_either(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = running.train

    def broken(config: RunConfig, *, command: list[str] | None, callbacks: object) -> None:
        if config.metanetwork == "scalegmn":
            raise MemoryError("too large")
        real(config, command=command)

    config = configured(comparison_file(tmp_path, population, seeds=[0]))
    with monkeypatch.context() as patch:
        patch.setattr(running, "train", broken)
        (failure,) = compare(config, tell=quiet)
    assert failure.reason == "MemoryError: too large"
    assert (config.output / FAILURES / "scalegmn-seed0.txt").is_file()
    # Once it has gone well, the failure is forgotten.
    assert compare(config, tell=quiet) == ()
    assert not (config.output / FAILURES).exists()


@pytest.mark.slow
def test_interrupted_and_resumed_is_as_if_never_interrupted(
    population: Path, tmp_path: Path, done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scalegmn.training import FitModule

    step = FitModule.training_step

    def interrupted(self: FitModule, batch, index: int):  # type: ignore[no-untyped-def]
        if self.config.seed == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    path = comparison_file(tmp_path, population)
    with monkeypatch.context() as patch:
        patch.setattr(FitModule, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compare(configured(path), tell=quiet)
    states = [status_of(run) for run in configured(path).runs]
    assert states == [RunStatus.finished, RunStatus.finished, RunStatus.started, RunStatus.new]
    (problem,) = comparison_errors(configured(path))
    assert "scalegmn-seed1: begun and not finished; go on with --resume" in problem
    config = configured(path, "--resume")
    assert comparison_errors(config) == []
    assert compare(config, tell=quiet) == ()
    for run, other in zip(config.runs, configured(done).runs, strict=True):
        mine, its = (json.loads((r.folder / "results.json").read_text())["test"] for r in (run, other))
        assert mine == its


@pytest.mark.slow
def test_side_by_side_is_the_same(population: Path, tmp_path: Path, done: Path) -> None:
    config = configured(comparison_file(tmp_path, population, seeds=[0]), "--jobs", "2")
    lines: list[str] = []
    assert compare(config, tell=lines.append) == ()
    assert len(lines) == 3
    for run in config.runs:
        other = done.parent / "out" / run.folder.name
        mine, its = (json.loads((f / "results.json").read_text()) for f in (run.folder, other))
        assert mine["test"] == its["test"]
        with (run.folder / "metrics.csv").open() as file:
            assert len(list(csv.DictReader(file))) == 1
