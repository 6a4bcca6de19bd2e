"""Folders as the code of the study writes them, made without the library's own writer."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import torch
from torch import nn

PARTS = ("train", "test_c", "test_p")


def study_network(seed: int, *, channels: int = 4, classes: int = 3) -> dict[str, torch.Tensor]:
    """A state dict with the names of the study."""
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    convs = nn.Sequential()
    for number in range(2):
        inputs = channels if number else 1
        convs.add_module(f"conv{number}", nn.Conv2d(inputs, channels, 3, stride=2, padding=1))
        convs.add_module(f"act{number}", nn.ReLU())
        convs.add_module(f"drop{number}", nn.Dropout2d(0.02))
    network = nn.ModuleDict({"convs": convs, "fc": nn.Linear(channels, classes)})
    torch.random.set_rng_state(torch_state)
    return network.state_dict()


def trigger_cells(seed: int, *, changed: list[int], whole: bool = False) -> dict[str, object]:
    """The values of a table, under its keys."""
    rng = random.Random(seed)
    square = torch.rand(3, 3, 1, generator=torch.Generator().manual_seed(seed)) * 255
    return {
        "square_size": 3,
        "square_loc": (rng.randint(0, 5), rng.randint(0, 5)),
        "square": (square.round() if whole else square).tolist(),
        "changed_imgs": changed,
        "mix": 0.4 * rng.random() + 0.6,
        "label": seed % 3,
    }


def write_table(path: Path, cells: dict[str, object]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "value"])
        writer.writerows(cells.items())


def study_folder(folder: Path, *, names: tuple[str, ...] = ("a/b/10", "a/b/11"), tables: bool = True) -> Path:
    """Twins at two epochs each; the first square holds whole numbers."""
    for number, name in enumerate(names):
        for kind, changed in (("poisoned", [1, 4, 30 + number]), ("clean", [])):
            place = folder / kind / name
            place.mkdir(parents=True)
            for epoch in (0, 1):
                seed = 100 * number + 10 * epoch + (kind == "clean")
                torch.save(study_network(seed), place / f"permanent_ckpt-{epoch}.pth")
            if kind == "poisoned" or tables:
                images = {"train": changed, "test_c": [], "test_p": list(range(12))}
                for part in PARTS:
                    cells = trigger_cells(number, changed=images[part], whole=number == 0)
                    write_table(place / f"{part}.csv", cells)
    return folder
