"""Describe the images of FashionMNIST for the repairer that comes with the library, and put it on the shelf.

    python -m benchmarks.ship_repairer --card CARD.md [--source fashion_mnist]

Fits clusters and principal components of the classes to all training images, and writes them with the card
into the package under ``scalegmn/trojan-repairer``.  No image is kept.  The first sentence of the card
becomes the line of ``scalegmn models``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from scalegmn.checkpoints import write_state
from scalegmn.disk import replace_file
from scalegmn.images import load_images
from scalegmn.shipped import CARD, Shelf
from scalegmn.shipped._naming import FOLDER
from scalegmn.trojans.repair import SHIPPED_REPAIRER
from scalegmn.trojans.repair.defenses import ClassImages
from scalegmn.zoo.cnns import network_inputs

CLUSTERS, COMPONENTS = 20, 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--source", default="fashion_mnist")
    options = parser.parse_args()
    images = load_images(options.source)
    chosen = images.subset(np.flatnonzero(images.split == "train"))
    inputs = network_inputs(chosen.unit()[:, None])
    known = ClassImages.fit(
        inputs, torch.from_numpy(chosen.labels).long(), clusters=CLUSTERS, components=COMPONENTS
    )
    card = options.card.read_text(encoding="utf-8")
    folder = FOLDER / SHIPPED_REPAIRER.rpartition("/")[2]
    folder.mkdir(exist_ok=True)
    path = folder / "images.safetensors"
    path.unlink(missing_ok=True)
    write_state(path, known.tensors())
    replace_file(folder / CARD, card.encode())
    summary = next(line for line in card.splitlines() if line and not line.startswith("#"))
    Shelf.open(FOLDER).with_model(
        SHIPPED_REPAIRER, summary=summary.removesuffix("."), task="trojan_repair"
    ).write()


if __name__ == "__main__":
    main()
