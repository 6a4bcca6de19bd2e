from __future__ import annotations

from pathlib import Path

import pytest

from scalegmn.cli.main import main
from scalegmn.populations import Population


def import_fashion(folder: Path, output: Path, *options: str) -> int:
    return main(["import", "fashion_mnist_inrs", str(folder), "-o", str(output), "--quiet", *options])


def test_collection_becomes_a_population(
    fashion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "packed"
    assert import_fashion(fashion, output, "--generate-splits", "3", "--validation", "1") == 0
    population = Population.open(output)
    assert sorted(population.column("split").tolist()) == ["test", "test", "train", "train", "val"]
    shown = capsys.readouterr().out
    assert "5 networks of FashionMNIST-INRs" in shown
    assert "0 files were refused" in shown
    # The splits file is there now, so a second import needs no seed.
    assert import_fashion(fashion, tmp_path / "again") == 0
    assert Population.open(tmp_path / "again").checksum == population.checksum


def test_refused_files_are_listed(fashion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (fashion / "fmnist_inrs" / "train" / "model_1.pth").write_bytes(b"nothing")
    assert import_fashion(fashion, tmp_path / "packed", "--generate-splits", "0", "--validation", "1") == 0
    shown = capsys.readouterr().out
    assert "4 networks" in shown
    assert "1 file was refused" in shown
    assert "refused fmnist_inrs/train/model_1.pth: " in shown


def test_missing_splits_file(fashion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_fashion(fashion, tmp_path / "packed") == 3
    assert "fmnist_splits.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["imagenet_inrs", "x", "-o", "y"], 2, "mnist_inrs"),
        (["npz_inrs", "x"], 2, "output"),
        (["npz_inrs", "x", "-o", "y", "--splits", "s.json"], 2, "npz_inrs has no splits file"),
        (["npz_inrs", "x", "-o", "y", "--generate-splits", "0"], 2, "npz_inrs has no splits file"),
        (["mnist_inrs", "x", "-o", "y", "--augmented"], 2, "mnist_inrs has no augmented copies"),
        (["mnist_inrs", "x", "-o", "y", "--splits", "s", "--generate-splits", "0"], 2, "give one of them"),
        (["npz_inrs", "nowhere", "-o", "y"], 3, "nowhere"),
    ],
)
def test_mistakes(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", *arguments]) == code
    assert message in capsys.readouterr().err
