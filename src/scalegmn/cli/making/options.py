"""Options that all kinds of networks share: which images, where to, and how the work is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, final

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.cluster import add_cluster_option
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.parsers import option_of
from scalegmn.errors import ConfigurationError
from scalegmn.images import FILE_FORMATS, IMAGE_SOURCES, ImageSet, load_images

Option = tuple[str, Any, str]
"""An option that may be left out: its name, its type, and what it means."""


def add_options(parser: ArgumentParser, options: Sequence[Option], *, note: str = "") -> None:
    """Add options whose defaults are elsewhere; :func:`given` reads them.

    Args:
        parser: gets the options.
        options: are None where they are not given.
        note: is written behind what each of them means.
    """
    for name, kind, text in options:
        parser.add_argument(option_of(name), type=kind | None, default=None, help=f"{text}{note}")


def given(options: Namespace, names: Sequence[Option]) -> dict[str, Any]:
    """What the user said about such options, by name; lists as tuples, as frozen classes have them."""
    found = {name: options[name] for name, _, _ in names if options[name] is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def add_output_option(parser: ArgumentParser) -> None:
    """Add the folder to write."""
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the new population")


def add_running_options(
    parser: ArgumentParser,
    *,
    shard_size: int,
    inner_batch: int | None,
    verb: str = "train",
    things: str = "networks",
) -> None:
    """Add how the work is cut into pieces, where it is done, and what is shown.

    Args:
        parser: gets the options.
        shard_size: the default.
        inner_batch: the default; None where the maker decides.
        verb: what the maker does with networks.
        things: what is counted in shards.
    """
    parser.add_argument(
        "--shard-size",
        type=int,
        default=shard_size,
        help=f"{things} per shard; each shard is written at once",
    )
    if inner_batch is not None:
        parser.add_argument(
            "--inner-batch", type=int, default=inner_batch, help="networks trained at once, as one batch"
        )
    parser.add_argument("--device", type=str, default="cpu", help=f"device to {verb} on: cpu, cuda, ...")
    parser.add_argument(
        "--workers", type=int | None, default=None, help=f"threads that {verb}; one per core by default"
    )
    add_cluster_option(parser)
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")


@final
class Running(TypedDict):
    """How work is run, by the names that all makers have for it."""

    shard_size: int
    workers: int | None
    cluster: str | None
    device: str
    resume: bool
    progress: bool


def running(options: Namespace) -> Running:
    """What :func:`add_running_options` added, but for `inner_batch`, and whether progress is shown."""
    return Running(
        shard_size=options.shard_size,
        workers=options.workers,
        cluster=options.cluster,
        device=options.device,
        resume=options.resume,
        progress=shows_progress(),
    )


def add_image_options(parser: ArgumentParser) -> None:
    """Add the options that :func:`chosen_images` reads."""
    parser.add_argument(
        "--source",
        required=True,
        type=str,
        help=f"{', '.join(IMAGE_SOURCES.names())}, or a location: "
        f"{', '.join(f'{kind}:PATH' for kind in FILE_FORMATS.names())}",
    )
    parser.add_argument(
        "--folder",
        type=Path | None,
        default=None,
        help="folder of the images; by default that of the environment variable SCALEGMN_DATA",
    )
    parser.add_argument(
        "--train-limit",
        type=int | None,
        default=None,
        help="use only this many training images, the first ones",
    )
    parser.add_argument(
        "--test-limit", type=int | None, default=None, help="use only this many test images, the first ones"
    )


def chosen_images(options: Namespace) -> ImageSet:
    """The first images of each split, as many as the options allow."""
    images = load_images(options.source, folder=options.folder)
    chosen = []
    for split, limit in (("train", options.train_limit), ("test", options.test_limit)):
        if limit is not None and limit < 0:
            raise ConfigurationError(f"--{split}-limit is {limit}, expected 0 or more")
        chosen.append(np.flatnonzero(images.split == split)[:limit])
    return images.subset(np.concatenate(chosen))
