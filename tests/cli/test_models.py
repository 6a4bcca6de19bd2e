from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.cli.main import main
from scalegmn.training import Run
from tests.shipped.stand_ins import packed_models, shipped, stand_in

__all__ = ["packed_models", "shipped"]


@pytest.fixture
def networks(tmp_path: Path, packed_models: Path) -> Path:
    """A folder with one network that the stand-ins know."""
    network = Run.open(packed_models / "trojan-detector").architectures[0]
    (tmp_path / "networks").mkdir()
    theta = torch.randn(network.num_parameters, generator=torch.Generator().manual_seed(0))
    extras = {"activation": "relu"}
    write_state(tmp_path / "networks" / "a.safetensors", network.unflatten(theta), extras=extras)
    return tmp_path / "networks"


@pytest.mark.slow
def test_models_are_listed(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[-1].startswith("scalegmn/trojan-detector") and "0.1 MB  Says nothing, and of few" in lines[-1]
    )
    assert len(lines) == 4


def test_the_card_is_printed(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "scalegmn/trojan-detector"]) == 0
    card = capsys.readouterr().out
    assert card.startswith("# scalegmn/trojan-detector\n") and "## Files" in card
    assert main(["info", "scalegmn/trojan-detector"]) == 0
    assert capsys.readouterr().out == card


def test_a_scan_needs_no_detector(
    shipped: Path,
    networks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # What lies in the current folder under the name of the detector has no say.
    shutil.copytree(shipped / "classifier", tmp_path / "scalegmn" / "trojan-detector")
    monkeypatch.chdir(tmp_path)
    assert main(["scan", str(networks), "--fpr", "0.5", "--json", "scan.json"]) in (0, 1, 3)
    assert '"run": "scalegmn/trojan-detector"' in (tmp_path / "scan.json").read_text()


def test_predictions_by_name(shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = Run.open("scalegmn/cnn-accuracy").architectures[0]
    theta = torch.randn(network.num_parameters, generator=torch.Generator().manual_seed(0)) / 10
    write_state(tmp_path / "a.safetensors", network.unflatten(theta), extras={"activation": "relu"})
    assert main(["predict", "scalegmn/cnn-accuracy", str(tmp_path / "a.safetensors"), "--json", "-"]) == 0
    assert '"file"' in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "scalegmn/cnn-accurac", "x.npz"],
        ["models", "scalegmn/nothing"],
        ["info", "scalegmn/nothing"],
        ["scan", "x.npz", "--detector", "scalegmn/nothing"],
        ["scan", "x.npz", "--detector", "scalegmn/cnn-accuracy"],
        ["repair", "x.npz", "--model", "scalegmn/trojan-detector", "-o", "y.npz"],
        ["evaluate", "scalegmn/cnn-accuracy"],
    ],
)
def test_wrong_names_are_one_sentence(
    shipped: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(shipped.rglob("*"))
    assert main(command) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert sorted(shipped.rglob("*")) == before


def test_damage_and_absence_are_one_sentence(
    packed_models: Path,
    networks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = stand_in(Path(shutil.copytree(packed_models, tmp_path / "models")), monkeypatch)
    with (folder / "trojan-detector" / "calibration.json").open("ab") as file:
        file.write(b" ")
    for command, code in ((["scan", str(networks)], 2), (["info", "scalegmn/trojan-detector"], 3)):
        assert main(command) == code
        assert "calibration.json has 759 bytes, expected 758; install" in capsys.readouterr().err
    stand_in(tmp_path / "nothing", monkeypatch)
    assert main(["scan", str(networks)]) == 2
    assert "no models ship with this version" in capsys.readouterr().err
    assert main(["models"]) == 0
    assert "No models ship" in capsys.readouterr().out
