"""``scalegmn diff``: where two related networks differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scalegmn.alignment import NetworkDifference, Tolerance, diff
from scalegmn.cli.alignment_options import (
    add_alignment_options,
    aligner_of,
    check_free,
    saved_reader,
    say_notes,
)
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.tables import print_tables
from scalegmn.reports import draw_differences, save_figure
from scalegmn.training import Table, create_json

HELP = "where two related networks differ after alignment: what a fine-tuning, an attack or a repair changed"

_SHOWN = 60


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        prog="scalegmn diff",
        description=f"Show {HELP}. Permutations, scales and signs of channels are no differences.",
        default_env=False,
    )
    parser.add_argument("first", type=Path, help="a checkpoint file, or an ONNX file")
    parser.add_argument("second", type=Path, help="a file of a network of the same architecture")
    parser.add_argument(
        "--picture", type=Path | None, default=None, help="draw the differences of all channels into this PNG"
    )
    parser.add_argument("--json", type=Path | None, default=None, help="write the differences into this file")
    add_alignment_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Align, and print what is left: one row per parameter."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    first, second = saved_reader(options).read_all([options.first, options.second])
    say_notes(first, second)
    found = diff(
        first.architecture,
        first.theta,
        second.theta,
        tolerance=Tolerance.of(first.dtype, second.dtype),
        aligner=aligner_of(options, first.architecture),
    )
    _print(found)
    if options.picture is not None:
        channels = {one.name: one.channels for one in found.parameters}
        title = f"{options.second.name} against {options.first.name}"
        save_figure(draw_differences(channels, title=title), options.picture)
        say(f"the picture is {options.picture}")
    if options.json is not None:
        create_json(options.json, found.to_dict())
        say(f"the differences are in {options.json}")
    return OK


def _print(found: NetworkDifference) -> None:
    shown = found.parameters
    if len(shown) > _SHOWN:
        most = set(sorted(range(len(shown)), key=lambda place: -shown[place].relative)[:_SHOWN])
        shown = tuple(one for place, one in enumerate(shown) if place in most)
    rows = tuple(
        (one.name, " x ".join(map(str, one.shape)), one.relative, f"{one.changed:.1%}", f"{one.largest:.2g}")
        for one in shown
    )
    columns = ("parameter", "shape", "difference", "changed", "largest")
    print_tables([Table("After alignment, relative", columns, rows)])
    if len(shown) < len(found.parameters):
        say(f"the {len(shown)} of {len(found.parameters)} parameters that differ most; --json writes all")
    say(str(found))
