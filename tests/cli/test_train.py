from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scalegmn.cli import train as train_command
from scalegmn.cli.exit_codes import INTERRUPTED, OK, USAGE
from scalegmn.cli.main import main
from tests.training.small import options, small_population

CONFIGS = Path(__file__).parents[2] / "src" / "scalegmn" / "configs" / "inr_classification"


@pytest.mark.slow
def test_a_configuration_with_overrides_makes_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    population = small_population(tmp_path / "population").folder
    command = options(population, tmp_path / "run", model__symmetry="permutation")
    assert main(["train", "--config", str(CONFIGS / "fashion_mnist.yaml"), *command]) == OK
    assert "Accuracy" in capsys.readouterr().out
    kept = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (kept["model"]["symmetry"], kept["model"]["features"]) == ("permutation", 8)
    # From the file, where the command line says nothing.
    assert kept["model"]["readout"] == "full_graph"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.yaml", "run.json", "metrics.csv", "checkpoints", "model", "results.json", "confusion.npy",
        "networks.npy", "outputs.npy", "reference.json"
    }  # fmt: skip


def test_all_mistakes_at_once_and_nothing_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    population = small_population(tmp_path / "a").folder
    other = small_population(tmp_path / "b", widths=(2, 4, 1), classes=2).folder
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").touch()
    command = options(
        population,
        tmp_path / "run",
        data__test_population=other,
        data__validation=1000,
        model__feature=3,
        model__skip="maybe",
        training__epochs=0,
    )
    assert main(["train", *command]) == USAGE
    message = capsys.readouterr().err
    assert "6 errors in the configuration; nothing was done" in message
    for words in (
        "unknown key 'model.feature'; did you mean 'model.features'?",
        "model.skip is 'maybe'",
        "epochs is 0",
        "has another architecture",
        "validation=1000",
        "is not empty",
    ):
        assert words in message
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["precious"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.label": "color"}, "no column 'color'; there are"),
        ({"data.where": '{"image": 1000}'}, "data.where: no network of"),
        ({"data.where": '{"color": 1}'}, "data.where: "),
        ({"data.group": "color"}, "data.group: "),
        ({"data.population": "nowhere"}, "data.population: nowhere: does not exist"),
        ({"training.accelerator": "gpu"}, "PyTorch finds no GPU here"),
        ({"training.precision": "fp16_mixed"}, "needs a GPU"),
        ({"training.recompute": "true", "metanetwork": "flat_mlp"}, "flat_mlp has no message passing layers"),
    ],
)
def test_what_does_not_fit_data_or_machine(
    changes: dict[str, object],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    population = small_population(tmp_path / "a").folder
    assert main(["train", *options(population, tmp_path / "run", **changes)]) == USAGE
    message = capsys.readouterr().err
    assert "an error in the configuration" in message
    assert words in message


def test_interruption_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train_command, "train", interrupted)
    population = small_population(tmp_path / "a").folder
    assert main(["train", *options(population, tmp_path / "run")]) == INTERRUPTED
    assert "--resume" in capsys.readouterr().err


@pytest.mark.slow
def test_real_interruption_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scalegmn.training import FitModule

    step = FitModule.training_step

    def interrupted(self: FitModule, batch: list, index: int):  # type: ignore[no-untyped-def, type-arg]
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, index)

    command = options(small_population(tmp_path / "a").folder, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(FitModule, "training_step", interrupted)
        assert main(["train", *command]) == INTERRUPTED
    assert not (tmp_path / "run" / "results.json").exists()
    assert main(["train", *command, "--resume"]) == OK
    assert (tmp_path / "run" / "results.json").exists()


def test_help_describes_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == OK
    text = " ".join(capsys.readouterr().out.split())
    for words in ("--model.symmetry", "--data.population", "networks per step, on all devices", "one_cycle"):
        assert words in text
    assert "type: Path" in text and "<" not in text, "types and values are words"
