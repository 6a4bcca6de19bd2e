"""The race with the public code, against a stand-in for it."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml

from scalegmn.networks import siren
from scalegmn.populations import Population, PopulationWriter
from scalegmn.training import configuration_errors, parse_config
from tests.public_code_cases import stand_in

ROOT = Path(__file__).parents[1]


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.public_code")


@pytest.fixture
def population(tmp_path: Path) -> Path:
    """Twelve sine networks to learn from and four to test on, of which three are of class 0."""
    architecture = siren()
    theta = torch.randn(16, architecture.num_parameters, generator=torch.Generator().manual_seed(0))
    columns = {
        "label": np.array([0, 1] * 6 + [0, 0, 0, 1]),
        "image": np.arange(16) % 12,
        "split": np.array(["train"] * 12 + ["test"] * 4),
    }
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(architecture, theta, columns)
        writer.finish()
    return tmp_path / "p"


def arguments(population: Path, path: Path, output: Path, *more: str) -> list[str]:
    sizes = ["--networks", "8", "--validation", "3", "--test", "4", "--epochs", "2", "--batch-size", "4"]
    places = ["--path", str(path), "--population", str(population), "--output", str(output)]
    return [*places, *sizes, "--features", "6", "--layers", "3", "--seed", "5", *more]


@pytest.mark.slow
def test_public_side(
    race: ModuleType,
    population: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own script reads our files, logs to ours, and its figures come back."""
    path, output = stand_in(tmp_path / "public"), tmp_path / "out"
    # Where a repository of ours could be taken for its modules.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "src"))))
    assert race.main(arguments(population, path, output, "--only", "public")) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| public code")]
    assert [cell.strip() for cell in line.split("|")[2:4]] == ["75.0", "65.0"]
    found = json.loads((output / "results.json").read_text())
    assert found["networks"] == {"train": 8, "val": 3, "test": 4}
    config = yaml.safe_load((output / "public.yml").read_text())
    assert config["scalegmn_args"]["d_hid"] == 6 and config["train_args"]["num_epochs"] == 2
    entries = [json.loads(line) for line in (output / "public.jsonl").read_text().splitlines()]
    assert sum(race.STEP in entry for entry in entries) == 4 and entries[0]["number of parameters"] == 6
    (side,) = found["sides"]
    assert 0 <= side["steps_seconds"] < side["processor_seconds"] and side["peak_mib"] > 10
    # The networks of both sides are the same, to the bit.
    own = Population.open(output / "data" / "population")
    state = torch.load(output / "data" / "files" / "fmnist_inrs" / "train" / "model_0.pth", weights_only=True)
    assert state.pop("label") == own.column("label")[0]
    assert torch.equal(torch.cat([one.flatten() for one in state.values()]), own.theta([0])[0])


def test_seconds_are_those_of_steps(race: ModuleType) -> None:
    """What lies between the report of an epoch and its last step, evaluation, does not count."""
    log = [{"seconds": 10.0}]
    for begun in (10.0, 100.0):
        log += [{"seconds": begun + step, race.STEP: 1.0} for step in (1, 2, 3)]
        log.append({"seconds": begun + 90 if begun < 100 else 150.0, "test/acc": 0.5, "test/best_acc": 0.6})
    end = {"peak_mib": 1.0, "processor_seconds": 1.0, "process_seconds": 1.0}
    assert race.public_side([*log, end], epochs=2).steps_seconds == 6.0
    with pytest.raises(race.ConfigurationError, match="reported 2 epochs, expected 3"):
        race.public_side([*log, end], epochs=3)


def test_our_side_is_told_the_same(race: ModuleType, population: Path, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "public")
    told = race.Race(
        features=6, layers=3, epochs=2, direction="bidirectional", batch_size=4, seed=5, threads=1
    )
    config = race.public_config(path, told, data=tmp_path)
    settings = {**race.our_options(config, told), "data.population": population, "data.test": 0.2}
    words = [word for name, value in settings.items() for word in (f"--{name}", race.yaml_word(value))]
    parsed, problems = parse_config(["--config", "inr_classification/fashion_mnist", *words])
    assert parsed is not None and not problems and not configuration_errors(parsed)
    assert parsed.training.warmup_steps == 1000 and parsed.training.learning_rate == 0.001
    plain = parsed.to_plain()
    assert (plain["model"]["features"], plain["model"]["direction"]) == (6, "bidirectional")
    for clip, expected in ((True, 10.0), (False, None)):
        config["optimization"]["clip_grad"] = clip
        words = [
            "--training.gradient_clip",
            race.yaml_word(race.our_options(config, told)["training.gradient_clip"]),
        ]
        parsed, _ = parse_config(["--config", "inr_classification/fashion_mnist", *words])
        assert parsed is not None and parsed.training.gradient_clip == expected


def test_what_is_refused(
    race: ModuleType, population: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*given: str, path: Path) -> str:
        assert race.main(arguments(population, path, tmp_path / "out", *given)) == 2
        return capsys.readouterr().err

    assert "expected a checkout of https://github.com/jkalogero/scalegmn" in error(path=tmp_path)
    path = stand_in(tmp_path / "public")
    assert "expected 103 and 4; ask for fewer" in error("--networks", "100", path=path)
    assert "--epochs is 0, expected 1 or more" in error("--epochs", "0", path=path)
    (path / "configs" / "fmnist_cls" / "scalegmn.yml").write_text("data: {}\n")
    assert "has another form than that of" in error(path=path)
    (path / "src" / "scalegmn" / "models.py").unlink()
    message = error(path=path)
    assert "has no src/scalegmn/models.py" in message and message.count("\n") == 1


def test_packages_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be imported, and say what to do when they are called."""
    monkeypatch.syspath_prepend(str(ROOT))
    side = importlib.import_module("benchmarks.public_code_side")
    finder = side.StandIns(("surely_not_installed",))
    monkeypatch.setattr("sys.meta_path", [*importlib.import_module("sys").meta_path, finder])
    layers = importlib.import_module("surely_not_installed.layers")
    with pytest.raises(ImportError, match=r"surely_not_installed\.layers\.Encoding is called"):
        layers.Encoding()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("another_not_installed")
