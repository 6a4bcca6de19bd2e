from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import read_tensors, write_state
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.trojans.repair.defenses import ClassImages
from tests.trojans.repair.defenses.cases import clean_images


def described(components: int = 3) -> ClassImages:
    images = clean_images()
    return ClassImages.fit(images.inputs, images.labels, clusters=2, components=components)


def test_drawn_images_have_the_means_and_spreads_of_their_classes() -> None:
    known = described()
    drawn, labels = known.draw(3000, torch.Generator().manual_seed(0))
    assert drawn.shape == (3000, 1, 8, 8) and labels.bincount().tolist() == [1000] * 3
    assert drawn.min() >= -1 and drawn.max() <= 1
    basis = known.components.flatten(1)
    torch.testing.assert_close(basis @ basis.T, torch.eye(3), atol=1e-5, rtol=0)
    wide = ClassImages(
        0 * known.means, known.components, 0.05 * known.spreads[:, :1].expand(-1, 2, -1), known.weights
    )
    drawn, labels = wide.draw(6000, torch.Generator().manual_seed(0))
    for own in range(3):
        places = drawn[labels == own].flatten(1) @ basis.T
        torch.testing.assert_close(places.std(0), wide.spreads[own, 0], rtol=0.1, atol=1e-4)


def test_they_are_saved_and_read_again(tmp_path: Path) -> None:
    known = described()
    write_state(tmp_path / "images.safetensors", known.tensors())
    found = ClassImages.from_tensors(read_tensors(tmp_path / "images.safetensors"), origin="images")
    torch.testing.assert_close(found.means, known.means, atol=1e-3, rtol=1e-3)
    assert found.components.shape == known.components.shape and found.spreads.dtype == torch.float32


@pytest.mark.parametrize("damage", ["missing", "shape", "empty", "nan"])
def test_anything_else_is_refused_in_one_sentence(damage: str) -> None:
    tensors = described().tensors()
    if damage == "missing":
        del tensors["spreads"]
    elif damage == "shape":
        tensors["spreads"] = tensors["spreads"].mT
    elif damage == "empty":
        tensors = {name: value[:0] for name, value in tensors.items()}
    else:
        tensors["means"][0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="images: expected means, weights, spreads"):
        ClassImages.from_tensors(tensors, origin="images")
    with pytest.raises(ConfigurationError, match="expected 2 of each class"):
        ClassImages.fit(torch.zeros(2, 1, 2, 2), torch.tensor([0, 1]), clusters=2, components=1)
