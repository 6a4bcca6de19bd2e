"""Options that say which images networks are made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.errors import ConfigurationError
from scalegmn.populations.images import ImageSet, load_images


def add_image_options(parser: ArgumentParser) -> None:
    """Add the options that :func:`chosen_images` reads."""
    parser.add_argument(
        "--source",
        required=True,
        type=str,
        help="digits, mnist, fashion_mnist, cifar10, or a place: npz:FILE, idx:FOLDER, "
        "cifar10-binary:FOLDER, folder:FOLDER",
    )
    parser.add_argument(
        "--folder", type=Path | None, default=None, help="where images are; by default SCALEGMN_DATA says it"
    )
    parser.add_argument(
        "--train_limit", type=int | None, default=None, help="only so many training images, the first"
    )
    parser.add_argument(
        "--test_limit", type=int | None, default=None, help="only so many test images, the first"
    )


def chosen_images(options: Namespace) -> ImageSet:
    """The first images of each split, as many as the options allow."""
    images = load_images(options.source, folder=options.folder)
    chosen = []
    for split, limit in (("train", options.train_limit), ("test", options.test_limit)):
        if limit is not None and limit < 0:
            raise ConfigurationError(f"--{split}_limit is {limit}, expected 0 or more")
        chosen.append(np.flatnonzero(images.split == split)[:limit])
    return images.subset(np.concatenate(chosen))
