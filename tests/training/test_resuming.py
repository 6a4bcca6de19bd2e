"""What stands in the way of going on with a training, and of a second one in its folder."""

from __future__ import annotations

import dataclasses
import multiprocessing
import shutil
import sys
from pathlib import Path

import pytest
import torch

from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.main import main
from scalegmn.configuration import Sections
from scalegmn.disk import claim_folder
from scalegmn.errors import CheckpointError, ConfigurationError, DiskError
from scalegmn.training import RunConfig, parse_config, train
from scalegmn.training._checkpoint_io import read_checkpoint
from scalegmn.training._run_folder import BEST, CHECKPOINTS, LAST
from tests.training.small import options, small_population


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_population(tmp_path_factory.mktemp("population") / "small", networks=48).folder


@pytest.fixture(scope="module")
def finished(population: Path, tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A training of two epochs, to be resumed."""
    config, problems = parse_config(options(population, tmp_path_factory.mktemp("run") / "run"))
    assert config is not None and not problems
    train(config)
    return dataclasses.replace(config, resume=True)


def test_a_model_all_of_whose_weights_learn_goes_on(population: Path, tmp_path: Path) -> None:
    """The state of its optimizer has the keys 0, 1, ..., as a list has."""
    command = [word for word in options(population, tmp_path / "run") if not word.startswith("--model.")]
    config, _ = parse_config([*command, "--metanetwork=flat_mlp"])
    assert config is not None
    train(config)
    weights = (tmp_path / "run" / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "model")
    train(dataclasses.replace(config, resume=True))
    assert (tmp_path / "run" / "model" / "model.safetensors").read_bytes() == weights


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything in a run folder, and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("training", {"epochs": 1}, r"training\.epochs is 1, but .* has done 2 epochs already"),
        ("training", {"learning_rate": 0.5}, r"training\.learning_rate is 0\.5, but .* begun with 0\.01"),
        ("data", {"batch_size": 3}, r"data\.batch_size is 3, but .* begun with 16"),
        ("model", {"features": 4}, r"model\.features is 4, but .* begun with 8"),
    ],
)
def test_another_configuration_is_refused_before_anything_is_written(
    finished: RunConfig, section: str, changes: dict[str, object], message: str
) -> None:
    before = content(finished.folder)
    part = dataclasses.replace(dict(finished.named_values())[section], **changes)  # type: ignore[type-var]
    changed = {"options": Sections({section: part})} if section in finished.options else {section: part}
    with pytest.raises(ConfigurationError, match=message):
        train(dataclasses.replace(finished, **changed))  # type: ignore[arg-type]
    assert content(finished.folder) == before


def test_the_command_refuses_fewer_epochs(
    finished: RunConfig, population: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(finished.folder)
    command = options(population, finished.folder, training__epochs=1, resume="true")
    assert main(["train", *command]) == USAGE
    assert "has done 2 epochs already; give 2 or more" in capsys.readouterr().err
    assert content(finished.folder) == before


@pytest.mark.slow
def test_networks_that_were_made_anew_are_refused(tmp_path: Path) -> None:
    small_population(tmp_path / "p", networks=48)
    config, _ = parse_config(options(tmp_path / "p", tmp_path / "run", training__epochs=1))
    assert config is not None
    train(config)
    (tmp_path / "p").rename(tmp_path / "old")
    small_population(tmp_path / "p", networks=48, seed=1)
    with pytest.raises(ConfigurationError, match="not those that it was trained on"):
        train(dataclasses.replace(config, resume=True))


def copied(finished: RunConfig, folder: Path, **changes: object) -> RunConfig:
    """The same training in a new place, to be resumed for one epoch more from a changed checkpoint."""
    shutil.copytree(finished.folder, folder)
    path = folder / CHECKPOINTS / LAST
    torch.save(read_checkpoint(path) | changes, path)
    training = dataclasses.replace(finished.training, epochs=3)
    return dataclasses.replace(finished, output=folder, training=training)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"state_dict": {}},
        {"loops": {}},
        {"lr_schedulers": [{}]},
        {"optimizer_states": [{"state": {}, "param_groups": [{"params": []}]}]},
        {"callbacks": 3},
        {"history": 3},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_checkpoint_with_odd_content_is_one_sentence(
    finished: RunConfig, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(CheckpointError, match=r"last\.ckpt: the training cannot go on from it") as caught:
        train(copied(finished, tmp_path / "run", **changes))
    assert str(caught.value).isprintable()


@pytest.mark.slow
@pytest.mark.parametrize("relative", [False, True])
def test_a_run_that_was_moved_remembers_its_best_epoch(
    finished: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    callbacks = read_checkpoint(finished.folder / CHECKPOINTS / LAST)["callbacks"]
    for state in callbacks.values():
        if state.get("best_model_score") is not None:
            # No later epoch is as good.
            state["best_model_score"] = state["kth_value"] = torch.tensor(2.0)
            state["best_k_models"] = {path: torch.tensor(2.0) for path in state["best_k_models"]}
    monkeypatch.chdir(tmp_path)
    config = copied(finished, Path("elsewhere") if relative else tmp_path / "elsewhere", callbacks=callbacks)
    best = (config.folder / CHECKPOINTS / BEST).read_bytes()
    train(config)
    assert (config.folder / CHECKPOINTS / BEST).read_bytes() == best


def test_a_folder_without_a_training_is_not_resumed(finished: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty and holds no training to resume"):
        train(dataclasses.replace(finished, output=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.slow
def test_a_second_training_in_a_folder_is_refused(
    finished: RunConfig, population: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(finished.folder)
    with claim_folder(finished.folder):
        with pytest.raises(DiskError, match="another command is writing there"):
            train(finished)
        assert main(["train", *options(population, finished.folder, resume="true")]) == USAGE
    assert "another command is writing to" in capsys.readouterr().err
    assert content(finished.folder) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_of_two_trainings_at_once_one_succeeds(population: Path, tmp_path: Path) -> None:
    # Processes that start from this one have loaded everything already.
    context = multiprocessing.get_context("fork")
    start, outcomes = context.Barrier(2), context.SimpleQueue()
    config, _ = parse_config(options(population, tmp_path / "run", training__epochs=1))

    def work() -> None:
        start.wait()
        try:
            assert config is not None
            train(config)
        except (ConfigurationError, DiskError) as error:
            outcomes.put(str(error))
        else:
            outcomes.put("")

    both = [context.Process(target=work) for _ in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    said = sorted(outcomes.get() for _ in both)
    assert said[0] == "" and ("another command is writing" in said[1] or "is not empty" in said[1])
    assert (tmp_path / "run" / "results.json").is_file()
