from __future__ import annotations

import dataclasses
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scalegmn.cli.demonstration import stages
from scalegmn.cli.demonstration.settings import DemoSettings
from scalegmn.cli.demonstration.stages import demonstrate
from scalegmn.cli.demonstration.training_runs import children_stop_with_us
from scalegmn.cli.main import main
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelConfig
from scalegmn.populations import Population
from scalegmn.zoo.inrs import InrRecipe

DEFAULT = DemoSettings()
TINY = DemoSettings(
    recipe=InrRecipe(hidden=(4, 4), steps=10, frequency=10.0),
    copies=2,
    images=60,
    model=ModelConfig(features=4, layers=2),
    training=dataclasses.replace(DEFAULT.training, epochs=2, threads=1),
    side_by_side=False,
    invariance_networks=5,
    invariance_draws=2,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    table = demonstrate(folder, settings=TINY, progress=False)
    (folder.parent / "table.md").write_text(table.to_markdown())
    return folder


@pytest.mark.slow
def test_everything_is_written(finished: Path) -> None:
    for name in ("overview.png", "learning_curves.png", "confusion.png"):
        assert (finished / name).read_bytes().startswith(b"\x89PNG")
    results = json.loads((finished / "results.json").read_text())
    assert results["networks"]["count"] == 120
    assert results["settings"]["model"]["features"] == 4
    assert set(results["seconds"]) == {"networks", "scalegmn", "permutation", "trainings", "test", "pictures"}
    for model in results["models"].values():
        low, high = model["test_accuracy_interval_95"]
        assert low <= model["test_accuracy"] <= high
        assert np.sum(model["confusion"]) == model["test_networks"] == 24
        assert model["test_images"] == 12
    assert results["models"]["scalegmn"]["invariance"]["largest_error"] < 1e-9
    assert results["models"]["permutation"]["invariance"]["largest_error"] > 1e-6


@pytest.mark.slow
def test_one_table_says_it_all(finished: Path) -> None:
    table = (finished.parent / "table.md").read_text()
    for words in (
        "ScaleGMN",
        "permutation-only GMN",
        "95 % interval",
        "invariance error",
        "fitting 120 networks",
    ):
        assert words in table


def test_an_image_never_crosses_splits(finished: Path) -> None:
    from scalegmn.training import Run, select

    run = Run.open(finished / "scalegmn")
    selection = select(run.data)
    population = Population.open(finished / "networks")
    keys = list(zip(population.column("split").tolist(), population.column("image").tolist(), strict=True))
    parts = [
        {keys[row] for row in rows.tolist()} for rows in (selection.train, selection.val, selection.test)
    ]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]


def test_both_models_differ_in_symmetry_and_residuals_alone(finished: Path) -> None:
    first, second = ((finished / name / "config.yaml").read_text().splitlines() for name in stages.MODELS)
    differing = [(a.split(":")[0].strip(), b) for a, b in zip(first, second, strict=True) if a != b]
    assert sorted(name for name, _ in differing) == ["output", "skip", "symmetry"]


@pytest.mark.slow
def test_resume_uses_what_is_there(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("done already")

    monkeypatch.setattr(stages, "fit_inrs", refuse)
    monkeypatch.setattr(stages, "train_in_turn", refuse)
    before = json.loads((finished / "results.json").read_text())
    demonstrate(finished, settings=TINY, resume=True, progress=False)
    after = json.loads((finished / "results.json").read_text())
    assert after["models"] == before["models"]
    assert after["seconds"]["networks"] == before["seconds"]["networks"]


@pytest.mark.slow
def test_resume_after_an_interruption(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages, "train_in_turn", interrupt)
        with pytest.raises(KeyboardInterrupt):
            demonstrate(tmp_path, settings=TINY, progress=False)
    demonstrate(tmp_path, settings=TINY, resume=True, progress=False)
    results = [json.loads((folder / "results.json").read_text()) for folder in (finished, tmp_path)]
    assert results[0]["models"] == results[1]["models"]


@pytest.mark.slow
def test_side_by_side_is_the_same(finished: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(TINY, side_by_side=True)
    demonstrate(tmp_path, settings=settings, progress=False)
    results = [json.loads((folder / "results.json").read_text()) for folder in (finished, tmp_path)]
    assert results[0]["models"] == results[1]["models"]


def test_resume_with_other_settings_is_refused(finished: Path) -> None:
    with pytest.raises(ConfigurationError, match="begun with other settings"):
        demonstrate(finished, settings=dataclasses.replace(TINY, copies=1), resume=True)


@pytest.mark.slow
def test_again_replaces_its_own_files_only(finished: Path) -> None:
    note = finished / "note.txt"
    note.write_text("mine")
    small = dataclasses.replace(TINY, copies=1, training=dataclasses.replace(TINY.training, epochs=1))
    demonstrate(finished, settings=small, progress=False)
    assert json.loads((finished / "results.json").read_text())["networks"]["count"] == 60
    assert note.read_text() == "mine"


def test_foreign_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "precious").write_text("x")
    assert main(["demo", "-o", str(tmp_path)]) == 2
    assert "no folder of a demonstration" in capsys.readouterr().err
    assert (tmp_path / "networks" / "precious").read_text() == "x"


def test_interruption_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "fit_inrs", interrupt)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--quiet"]) == 4
    assert "--resume" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--help"]) == 0
    assert "runs/demo" in capsys.readouterr().out


def test_an_interruption_does_not_wait_for_other_processes() -> None:
    """SIGTERM reaches one process only, unlike Ctrl-C in a terminal."""
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with (
        pytest.raises(KeyboardInterrupt),
        ProcessPoolExecutor(1, mp_context=context) as pool,
        children_stop_with_us(),
    ):
        pool.submit(time.sleep, 60)
        raise KeyboardInterrupt
    assert time.perf_counter() - began < 30
