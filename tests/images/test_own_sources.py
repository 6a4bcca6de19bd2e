"""Sources of one's own: used by their names to make networks, and found again by what a population says."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import pytest

from scalegmn.cli.main import main
from scalegmn.errors import ImageSourceError
from scalegmn.images import (
    FILE_FORMATS,
    IMAGE_SOURCES,
    FileFormat,
    ImageSet,
    ImageSource,
    load_images,
    register_file_format,
    register_image_source,
)
from scalegmn.populations import Population


@final
class Stripes(ImageSource):
    """Images of rows or of columns."""

    name = "stripes"

    def load(self, folder: str | Path | None) -> ImageSet:
        rows = np.where(np.arange(6)[:, None] % 2, 255, 0) * np.ones((1, 6))
        images = np.stack([rows, rows.T] * 4).astype(np.uint8)
        return ImageSet(images, np.arange(8) % 2, np.repeat(["train", "test"], [6, 2]), "of an array")


@pytest.fixture(autouse=True)
def own_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for registry in (IMAGE_SOURCES, FILE_FORMATS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def test_networks_of_an_own_source_keep_its_name(tmp_path: Path) -> None:
    register_image_source(Stripes())
    assert load_images("stripes").name == "stripes"
    command = ["make", "inrs", "--source=stripes", "-o", str(tmp_path / "p"), "--steps=2", "--quiet"]
    assert main([*command, "--train-limit=2", "--hidden=[4]"]) == 0
    assert Population.open(tmp_path / "p").provenance["images"] == "stripes"


def test_name_that_is_taken_or_unknown(tmp_path: Path) -> None:
    register_image_source(Stripes())
    other = Stripes()
    other.name = "digits"
    with pytest.raises(ImageSourceError, match="a source of images called 'digits' is there already"):
        register_image_source(other)
    with pytest.raises(ImageSourceError, match=r"'stripe', expected one of .*did you mean 'stripes'"):
        load_images("stripe")


def test_files_of_an_own_kind(tmp_path: Path) -> None:
    def read_npy(path: Path) -> ImageSet:
        images = np.load(path)
        return ImageSet(images, np.zeros(len(images), int), np.repeat("train", len(images)), path.stem)

    np.save(tmp_path / "x.npy", np.full((3, 4, 4), 7, np.uint8))
    register_file_format(FileFormat("npy", read_npy))
    assert load_images("npy:x.npy", folder=tmp_path).images.tolist() == np.full((3, 4, 4), 7).tolist()
    np.save(tmp_path / "dark.npy", np.ones((3, 4, 4), np.uint8))
    with pytest.raises(ImageSourceError, match="largest value of all 3 images is 1"):
        load_images("npy:dark.npy", folder=tmp_path)
