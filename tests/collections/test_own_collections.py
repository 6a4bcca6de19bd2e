"""A format of one's own: commands import it, export to it and canonicalize it by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, final

import numpy as np
import pytest
import torch

from scalegmn.cli.main import main
from scalegmn.collections import (
    COLLECTIONS,
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    collection_named,
    register_collection,
)
from scalegmn.errors import ConfigurationError
from scalegmn.networks import siren
from scalegmn.populations import Population

SMALL = siren(widths=(1, 2, 1))


@final
@dataclass(frozen=True)
class TextInrs(Collection):
    """A network per text file, named after its label, image and split."""

    splits: Path | None = None
    name = "text_inrs"
    title: ClassVar[str] = "INRs as text"
    options: ClassVar[tuple[str, ...]] = ("splits",)

    def scan(self, folder: Path) -> CollectionListing:
        chosen = None if self.splits is None else self.splits.read_text().split()
        paths = sorted(path for path in folder.glob("*.txt") if chosen is None or path.name in chosen)
        return CollectionListing(tuple(CollectionFile(path, path.name, self.columns(path)) for path in paths))

    @staticmethod
    def columns(path: Path) -> dict[str, int | str]:
        split, label, image = path.stem.split("-")
        return {"label": int(label), "image": int(image), "split": split}

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        theta = torch.from_numpy(np.loadtxt(entry.path, ndmin=2)).float()
        return LoadedNetworks(
            SMALL, theta, {name: np.array([value]) for name, value in entry.columns.items()}
        )

    def file_name(self, row: Mapping[str, object]) -> str:
        return f"{row['split']}-{row['label']}-{row['image']}.txt"

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        np.savetxt(path, networks.theta.double().numpy(), fmt="%.9e")


@pytest.fixture(autouse=True)
def own_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(COLLECTIONS, "_entries", dict(COLLECTIONS._entries))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("train-0-0", "train-1-1", "test-1-0"):
        np.savetxt(folder / f"{name}.txt", rng.normal(0, 3, (1, SMALL.num_parameters)), fmt="%.9e")
    return folder


def test_commands_know_an_own_format(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register_collection(TextInrs())
    packed, back, canonical = (tmp_path / name for name in ("packed", "back", "canonical"))
    assert main(["import", "text_inrs", str(files), "-o", str(packed), "--quiet"]) == 0
    assert "3 networks of INRs as text are in" in capsys.readouterr().out
    population = Population.open(packed)
    assert sorted(population.column("split").tolist()) == ["test", "train", "train"]
    assert main(["export", str(packed), "--format", "text_inrs", "-o", str(back), "--quiet"]) == 0
    assert "3 networks are in" in capsys.readouterr().out
    for path in files.iterdir():
        np.testing.assert_allclose(np.loadtxt(back / path.name), np.loadtxt(path), rtol=1e-6)
    command = ["canonicalize", str(files), "-o", str(canonical), "--collection", "text_inrs", "--quiet"]
    assert main(command) == 0
    assert len(list(canonical.iterdir())) == 3


def test_own_format_says_which_options_it_has(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register_collection(TextInrs())
    (tmp_path / "few").write_text("train-0-0.txt")
    command = ["import", "text_inrs", str(files), "-o", str(tmp_path / "p"), "--quiet"]
    assert main([*command, "--augmented"]) == 2
    assert "text_inrs has no augmented copies" in capsys.readouterr().err
    assert main([*command, "--generate-splits", "0"]) == 2
    assert "text_inrs has a splits file that is published with it" in capsys.readouterr().err
    assert main([*command, "--splits", str(tmp_path / "few")]) == 0
    assert len(Population.open(tmp_path / "p")) == 1
    assert collection_named("text_inrs", splits="s") == TextInrs(splits=Path("s"))


def test_what_a_format_cannot_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zoo, park = collection_named("small_cnn_zoo"), collection_named("wild_park")
    assert (park.writable, zoo.writable, zoo.canonicalizes, park.canonicalizes) == (False, True, False, True)
    with pytest.raises(ConfigurationError, match="small_cnn_zoo cannot be canonicalized"):
        zoo.canonicalize(tmp_path, tmp_path / "p")
    assert main(["canonicalize", str(tmp_path), "-o", str(tmp_path / "p"), "--collection=small_cnn_zoo"]) == 2
    assert "--collection is 'small_cnn_zoo', expected one of mnist_inrs" in capsys.readouterr().err
    other = TextInrs()
    with pytest.raises(ConfigurationError, match="'text_inrs', expected one of mnist_inrs"):
        collection_named(other.name)
    register_collection(other)
    with pytest.raises(ConfigurationError, match="called 'text_inrs' is there already"):
        register_collection(TextInrs(splits=tmp_path))
