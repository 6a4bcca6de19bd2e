"""``scalegmn merge``: the average of networks that were brought to each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from scalegmn.alignment import Barrier, MergedNetwork, SavedNetwork, barrier, merge
from scalegmn.cli.alignment_options import (
    add_alignment_options,
    matching_of,
    saved_reader,
    say_notes,
)
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.image_examples import ImageExamples, add_image_options, image_examples
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.reports import LineCurve, draw_lines, save_figure
from scalegmn.training import Table

HELP = "average networks that were trained apart, after bringing them to each other"

EXAMPLES: Final = (
    "scalegmn merge a.pt b.pt -o average.pt --activation relu # align, then average",
    "scalegmn merge a.pt b.pt -o average.pt --program net.json --images digits # match by outputs",
)

_BEFORE, _AFTER = "as they are", "aligned"
_FITTING = 200


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn merge",
        description=f"{HELP.capitalize()}. With images, channels are matched by what they answer, scales are "
        "fitted, statistics are restored, and the line from the first network to each other one is "
        "measured, before and after. The new file has the format of the first.",
        default_env=False,
    )
    parser.add_argument(
        "networks", type=Path, nargs="+", help="two files or more; all are brought to the first"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the new file")
    parser.add_argument("--replace", action="store_true", help="replace an older file")
    parser.add_argument(
        "--weights",
        type=str | None,
        default=None,
        help="of the networks, such as 2,1,1; equal ones if left out",
    )
    add_image_options(parser)
    parser.add_argument(
        "--fitting", type=int, default=_FITTING, help="steps in which scales are fitted to images; 0 for none"
    )
    parser.add_argument("--points", type=int, default=11, help="networks that are measured on each line")
    parser.add_argument(
        "--barrier-picture", type=Path | None, default=None, help="draw the lines into this PNG; needs images"
    )
    add_json_option(parser, "what was found")
    add_alignment_options(parser, answering=True)
    return parser


def run(argv: Sequence[str]) -> int:
    """Align, average, measure, and write."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    _check(options)
    networks = saved_reader(options).read_all(options.networks)
    networks[0].check_target(options.output, overwrite=options.replace)
    say_notes(*networks)
    architecture = networks[0].architecture
    images = image_examples(options, architecture)
    matching = matching_of(options)
    if images is not None:
        matching = dataclasses.replace(
            matching,
            by="weights" if options.matching == "weights" else "activations",
            fitting=options.fitting,
            answers="classes",
        )
    found = merge(
        architecture,
        [network.theta for network in networks],
        weights=_weights(options.weights),
        matching=matching,
        examples=None if images is None else images.learned,
    )
    networks[0].write(options.output, found.theta, overwrite=options.replace)
    report: dict[str, Any] = {"weights": list(found.weights), "rounds": found.rounds}
    if images is not None:
        lines = _measured(networks, found, images, points=options.points)
        report["lines"] = _say_lines(networks, lines)
        report["average"] = _say_average(networks, found, images)
        if options.barrier_picture is not None:
            curves = {name: _curve(line) for name, line in lines.items()}
            save_figure(draw_lines(curves, title=f"From {networks[0].path.name}"), options.barrier_picture)
            tell(f"the picture is {options.barrier_picture}")
    give_json(options.json, report)
    tell(f"the average of {len(networks)} networks is {options.output}")
    return OK


def _check(options: Any) -> None:
    if len(options.networks) < 2:
        raise ConfigurationError("one file is given, expected two or more, whose networks are averaged")
    for name, least in (("points", 3), ("fitting", 0)):
        if options[name] < least:
            raise ConfigurationError(f"--{name} is {options[name]}, expected {least} or more")
    if options.images is None:
        for name, given in (
            ("--barrier-picture", options.barrier_picture is not None),
            ("--matching activations", options.matching == "activations"),
        ):
            if given:
                raise ConfigurationError(f"{name} needs images that networks are asked about; give --images")


def _weights(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigurationError(f"--weights is {text}, expected numbers such as 2,1,1") from None


def _measured(
    networks: Sequence[SavedNetwork], found: MergedNetwork, images: ImageExamples, *, points: int
) -> dict[str, Barrier]:
    """The line from the first network to each other, before and after."""
    lines = {}
    first = networks[0].theta.double()
    for place, network in enumerate(networks[1:], start=1):
        ends = {
            _BEFORE: (network.theta.double(), None),
            _AFTER: (found.aligned[place].double(), images.learned),
        }
        for state, (other, restore) in ends.items():
            lines[f"{network.path.name}, {state}"] = barrier(
                found.architecture,
                first,
                other,
                inputs=images.tested,
                targets=images.labels,
                points=points,
                restore=restore,
            )
    return lines


def _say_lines(networks: Sequence[SavedNetwork], lines: dict[str, Barrier]) -> list[dict[str, Any]]:
    """A table of all points for each network, and the heights in words; the same as plain data."""
    for network in networks[1:]:
        pair = [lines[f"{network.path.name}, {state}"] for state in (_BEFORE, _AFTER)]
        columns = [column for line in pair for column in (line.losses.tolist(), _shares(line))]
        rows = tuple(
            (f"{fraction:.0%}", *values)
            for fraction, *values in zip(pair[0].fractions.tolist(), *columns, strict=True)
        )
        heads = ("way", *(f"{what} {state}" for state in (_BEFORE, _AFTER) for what in ("loss", "errors")))
        print_tables([Table(f"From {networks[0].path.name} to {network.path.name}", heads, rows)])
    for name, line in lines.items():
        say(f"{name}: the barrier is {line.loss:.4f} in loss and {line.error or 0.0:.2%} in errors")
    return [
        {
            "name": name,
            "fractions": line.fractions.tolist(),
            "losses": line.losses.tolist(),
            "errors": _errors(line),
            "loss_barrier": line.loss,
            "error_barrier": line.error,
        }
        for name, line in lines.items()
    ]


def _say_average(
    networks: Sequence[SavedNetwork], found: MergedNetwork, images: ImageExamples
) -> dict[str, float]:
    """How good the average is, beside the networks."""
    line = barrier(
        found.architecture,
        networks[0].theta.double(),
        found.theta.double(),
        inputs=images.tested,
        targets=images.labels,
        points=3,
    )
    loss, error = float(line.losses[-1]), _errors(line)[-1]
    say(
        f"the average has a loss of {loss:.4f} and {error:.2%} errors; {networks[0].path.name} has "
        f"{float(line.losses[0]):.4f} and {_errors(line)[0]:.2%}"
    )
    return {"loss": loss, "error": error}


def _errors(line: Barrier) -> list[float]:
    return [] if line.errors is None else line.errors.tolist()


def _shares(line: Barrier) -> list[str]:
    return [f"{error:.2%}" for error in _errors(line)]


def _curve(line: Barrier) -> LineCurve:
    return LineCurve(fractions=line.fractions.tolist(), losses=line.losses.tolist(), errors=_errors(line))
