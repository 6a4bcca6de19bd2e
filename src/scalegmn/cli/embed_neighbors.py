"""``scalegmn embed --neighbors``: whether networks that lie together are of the same class."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.output import say, tell
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.training import Run, SeenNetworks, compare_neighbors, write_json


def add_neighbor_options(parser: ArgumentParser) -> None:
    """``--neighbors`` and ``--beside``."""
    parser.add_argument(
        "--neighbors",
        type=int | None,
        default=None,
        help="also say which share of so many nearest networks has the value of --color, by these vectors, "
        "by those of untrained models, and by weights as they are; as .json beside the picture",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="*",
        default=[],
        help="with --neighbors: run folders of further ScaleGMNs, such as a permutation-only one",
    )


def check_neighbor_options(options: Namespace) -> None:
    """Refuse options that do not belong together.

    Raises:
        ConfigurationError: says why.
    """
    if options.neighbors is None:
        if options.beside:
            raise ConfigurationError("--beside compares neighbors; say how many with --neighbors, such as 10")
        return
    if options.neighbors < 1:
        raise ConfigurationError(f"--neighbors is {options.neighbors}, expected 1 or more")
    if options.color is None:
        raise ConfigurationError(
            "--neighbors looks for the same class; say with --color which column holds classes"
        )


def show_neighbors(options: Namespace, trained: Run | None, networks: SeenNetworks, picture: Path) -> None:
    """Print the shares, and write them beside the picture; nothing where they were not asked for."""
    if options.neighbors is None:
        return
    runs = [*([] if trained is None else [trained]), *map(Run.open, options.beside)]
    found = compare_neighbors(networks, runs=runs, neighbors=options.neighbors, seed=options.seed)
    path = picture.with_suffix(".json")
    write_json(path, found.as_plain())
    print_tables([found.table])
    left_out = {
        "a model has learned from them": found.learned,
        "they have no class, or no finite vector": found.without,
    }
    for why, count in left_out.items():
        if count:
            say(f"Note: {count} networks are not among them, since {why}")
    tell(f"Written to {path}")
