from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.comparison import compare, comparison_errors
from scalegmn.comparison._status import RunStatus, status_of
from scalegmn.errors import ConfigurationError
from tests.comparison.cases import comparison_file, configured
from tests.training.small import small_population

ONE = {"only": {"metanetwork": "flat_mlp", "flat_mlp.hidden": [4]}}


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("population") / "small", networks=48).folder


@pytest.fixture
def done(population: Path, tmp_path: Path) -> Path:
    path = comparison_file(tmp_path, population, models=ONE, seeds=[0])
    compare(configured(path), tell=lambda line: None)
    return path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--base.training.epochs", "3"), "training.epochs was 1 and is 3"),
        (("--base.training.learning_rate", "0.5"), "training.learning_rate was 0.01 and is 0.5"),
        (("--base.training.schedule", "cosine"), "training.schedule was 'constant' and is 'cosine'"),
        (("--base.data.where", '{"label": [0, 1]}'), "data.where was {} and is {'label': [0, 1]}"),
    ],
)
def test_a_folder_of_another_training_is_left_alone(options: tuple[str, ...], words: str, done: Path) -> None:
    for resume in ((), ("--resume",)):
        (problem,) = comparison_errors(configured(done, *options, *resume))
        assert "only-seed0 holds another training: " in problem
        assert words in problem


def test_what_changes_no_result_may_differ(done: Path) -> None:
    options = "--base.training.threads 1 --base.logging.progress true --base.data.evaluation_batch_size 7"
    config = configured(done, *options.split(), "--jobs", "2")
    assert comparison_errors(config) == []
    assert status_of(config.runs[0]) is RunStatus.finished


def test_machines_of_a_cluster_see_for_themselves_what_they_have(
    population: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    path = comparison_file(tmp_path, population, models=ONE, seeds=[0])
    given = ("--base.training.accelerator", "gpu")
    (problem,) = comparison_errors(configured(path, *given))
    assert "PyTorch finds no GPU here" in problem
    assert comparison_errors(configured(path, *given, "--cluster", "auto")) == []


def test_what_is_no_address_of_a_cluster_is_found_before_any_work(done: Path) -> None:
    (problem,) = comparison_errors(configured(done, "--cluster", "hello"))
    assert "the address of the cluster is 'hello', expected HOST:PORT" in problem


def test_a_population_that_was_made_anew_is_noticed(tmp_path: Path) -> None:
    path = comparison_file(tmp_path / "c", tmp_path / "p", models=ONE, seeds=[0])
    small_population(tmp_path / "p", networks=48)
    compare(configured(path), tell=lambda line: None)
    (tmp_path / "p").rename(tmp_path / "old")
    small_population(tmp_path / "p", networks=48, seed=1)
    (problem,) = comparison_errors(configured(path))
    assert f"the networks in {tmp_path / 'p'} are not those that it was trained on" in problem
    with pytest.raises(ConfigurationError, match="not those that it was trained on"):
        compare(configured(path), tell=lambda line: None)


def test_mistakes_about_data_and_folders_at_once(population: Path, tmp_path: Path) -> None:
    models = {
        "a": {"training.precision": "fp16_mixed"},
        "b": {"training": {"precision": "fp16_mixed"}, "data.train_limit": 1},
        "c": {},
    }
    path = comparison_file(tmp_path, population, models=models, seeds=[0])
    for name in ("a-seed0", "c-seed0"):
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name / "precious").touch()
    found = comparison_errors(configured(path, "--base.training.accelerator", "cpu"))
    assert len(found) == 5
    for words in (
        "out is not empty and holds no comparison",
        # Two of three models share it; it is told once.
        "a, b: training.precision is fp16_mixed",
        "column 'label' is 1 for all 1 training networks",
        "a-seed0 is no run folder",
        "c-seed0 is no run folder",
    ):
        assert any(words in problem for problem in found), words


def test_a_mistake_of_all_models_is_told_once_and_without_names(tmp_path: Path) -> None:
    (problem,) = comparison_errors(configured(comparison_file(tmp_path, tmp_path / "nowhere")))
    assert problem.startswith("data.population: ")
    assert "does not exist" in problem


def test_there_must_be_test_networks(tmp_path: Path) -> None:
    from scalegmn.populations import PopulationWriter

    whole = small_population(tmp_path / "whole", networks=16)
    with PopulationWriter(tmp_path / "train", provenance={}) as writer:
        columns = {"label": whole.column("label"), "split": ["train"] * 16}
        writer.append(whole.architecture, whole.theta(range(16)), columns)  # type: ignore[arg-type]
        writer.finish()
    (problem,) = comparison_errors(configured(comparison_file(tmp_path / "c", tmp_path / "train")))
    assert "has no test networks to compare on" in problem


def test_files_in_the_way(population: Path, tmp_path: Path) -> None:
    path = comparison_file(tmp_path, population, models=ONE, seeds=[0])
    (tmp_path / "out").touch()
    assert any("out is a file" in problem for problem in comparison_errors(configured(path)))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "only-seed0").touch()
    found = comparison_errors(configured(path, "--output", str(tmp_path / "other")))
    assert any("only-seed0 is a file" in problem for problem in found)


def test_models_that_are_not_trained_now_stand_in_no_way(population: Path, tmp_path: Path) -> None:
    models = {**ONE, "other": {"training.precision": "fp16_mixed"}}
    path = comparison_file(tmp_path, population, models=models, seeds=[0])
    assert len(comparison_errors(configured(path))) == 1
    assert comparison_errors(configured(path, "--only", "only")) == []
