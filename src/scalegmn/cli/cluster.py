"""The option that spreads work over many machines; the same for all commands that have it."""

from __future__ import annotations

from jsonargparse import ArgumentParser


def add_cluster_option(parser: ArgumentParser) -> None:
    """Add where the work is done: here, or on a Ray cluster."""
    parser.add_argument(
        "--cluster",
        type=str | None,
        default=None,
        metavar="ADDRESS",
        help="do the work on a Ray cluster: HOST:PORT, ray://HOST:PORT, auto for that of this machine, or "
        "local (needs the extra cluster)",
    )
