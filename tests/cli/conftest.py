from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scalegmn.networks import siren
from scalegmn.seeding import generator


@pytest.fixture(autouse=True)
def width_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are not folded at the width that the shell of whoever runs the tests has exported."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """FashionMNIST-INRs as they were published: three networks for training, two for testing."""
    folder = tmp_path / "published"
    for split, count in (("train", 3), ("test", 2)):
        part = folder / "fmnist_inrs" / split
        part.mkdir(parents=True)
        for image in range(count):
            theta = 0.3 * torch.randn(1185, generator=generator(image, split))
            torch.save({**siren().unflatten(theta), "label": image}, part / f"model_{image}.pth")
    return folder
