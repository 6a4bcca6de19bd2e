"""``scalegmn diff``: where two related networks differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scalegmn.alignment import NetworkDifference, Tolerance, diff
from scalegmn.cli.alignment_options import (
    add_alignment_options,
    aligner_of,
    saved_reader,
    say_notes,
)
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.tables import print_tables
from scalegmn.reports import draw_differences, save_figure
from scalegmn.training import Table

HELP = "where two related networks differ after alignment: what a fine-tuning, an attack or a repair changed"

EXAMPLES: Final = (
    "scalegmn diff before.pt after.pt --activation relu # where do they differ after alignment?",
    "scalegmn diff before.onnx after.onnx --picture diff.png # channel by channel, as a picture",
)

_SHOWN = 60


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn diff",
        description=f"Show {HELP}. Permutations, scales and signs of channels are no differences.",
        default_env=False,
    )
    parser.add_argument("first", type=Path, help="a checkpoint file, or an ONNX file")
    parser.add_argument("second", type=Path, help="a file of a network of the same architecture")
    parser.add_argument(
        "--picture", type=Path | None, default=None, help="draw the differences of all channels into this PNG"
    )
    add_json_option(parser, "the differences")
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
        tell(f"the picture is {options.picture}")
    give_json(options.json, found.to_dict())
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
