"""``scalegmn repair``: repair a network that may be trojaned, from its weights alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import NEGATIVE, OK
from scalegmn.cli.model_options import add_reading_options, reading_options
from scalegmn.cli.output import complain, say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.program_options import add_program_options, own_programs
from scalegmn.cli.tables import print_tables
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.images import load_images
from scalegmn.networks import read_json
from scalegmn.training import Table, create_json
from scalegmn.trojans.repair import (
    CAVEAT,
    DEFAULT_DROP,
    SHIPPED_REPAIRER,
    Evidence,
    LabeledImages,
    NetworkRepairer,
    Repairer,
    RepairOutcome,
    TriggerUnlearner,
    repair_file,
)
from scalegmn.trojans.triggers import trigger_from_dict

HELP = "repair a network that may be trojaned, from its weights alone"

EXAMPLES: Final = (
    "scalegmn repair network.pt -o repaired.pt --activation relu # search for a trigger and unlearn it",
    "scalegmn repair network.pt -o repaired.pt --model runs/repairer --images digits # by a trained repairer",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn repair",
        description=f"{HELP.capitalize()}. The repaired network is written to a new file in the format of "
        "the input, with a report beside it; nothing is written over. With images the accuracy is measured "
        "before and after; if it falls too far, no network is written and the exit code is 1. It is 3 where "
        "the repairer abstains.",
        default_env=False,
    )
    parser.add_argument("file", type=Path, help=".safetensors, .npz, .pt or .pth")
    parser.add_argument(
        "--model",
        type=Path | None,
        default=None,
        help="run folder of a trained repairer; by default the one that comes with scalegmn, "
        f"{SHIPPED_REPAIRER}, which unlearns what a search for triggers finds",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--report", type=Path | None, default=None, help="JSON file to write; by default OUTPUT.report.json"
    )
    add_reading_options(parser)
    add_program_options(parser)
    _add_measuring_options(parser)
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="device, such as cpu or cuda:1; by default a GPU if there is one",
    )
    return parser


def _add_measuring_options(parser: ArgumentParser) -> None:
    """Images, and maybe a trigger, to measure the network with before and after."""
    parser.add_argument(
        "--images",
        type=str | None,
        default=None,
        help="source of clean images for measuring accuracy, such as fashion_mnist, an .npz file or a folder",
    )
    parser.add_argument("--image-limit", type=int, default=2000, help="use at most this many test images")
    parser.add_argument(
        "--max-drop",
        type=float,
        default=DEFAULT_DROP,
        help="largest drop of accuracy that is accepted, as a fraction",
    )
    parser.add_argument(
        "--trigger",
        type=Path | None,
        default=None,
        help="JSON file with a trigger for measuring the attack success rate",
    )
    parser.add_argument(
        "--target",
        type=int | None,
        default=None,
        help="target class of the attacker; -1 where every class has the next one",
    )


def run(argv: Sequence[str]) -> int:
    """Repair, write the report, and print what changed."""
    options = build_parser().parse_args(list(argv))
    report = options.report or options.output.with_name(options.output.name + ".report.json")
    if report.exists():
        raise CheckpointError(f"{report}: exists and was left alone; choose another name with --report")
    evidence = _evidence(options)
    outcome = repair_file(
        _repairer(options),
        options.file,
        options.output,
        evidence=evidence,
        limit=options.max_drop,
        reading=reading_options(options),
        own=own_programs(options),
    )
    _write_report(report, outcome)
    _print(outcome)
    tell(f"The report is in {report}")
    if not outcome.accepted:
        complain(
            f"scalegmn repair: the accuracy falls by more than {outcome.limit:g}; no network was written. "
            "Allow more with --max-drop, or keep the network as it is."
        )
        return NEGATIVE
    tell(f"The repaired network is in {outcome.output}")
    say(CAVEAT)
    return OK


def _repairer(options: Namespace) -> NetworkRepairer:
    """The trained one that is asked for, or the one that comes with the library."""
    if options.model is None or options.model == Path(SHIPPED_REPAIRER):
        return TriggerUnlearner.shipped(device=options.device)
    return Repairer.open(options.model, device=options.device)


def _write_report(path: Path, outcome: RepairOutcome) -> None:
    """Write the report, or take the network back: one is never there without the other."""
    try:
        create_json(path, outcome.to_dict())
    except BaseException:
        if outcome.output is not None:
            Path(outcome.output).unlink(missing_ok=True)
        raise


def _evidence(options: Namespace) -> Evidence | None:
    """Images and trigger to measure with."""
    if options.images is None:
        if options.trigger is not None or options.target is not None:
            raise ConfigurationError(
                "--trigger and --target need images to try the trigger on; give --images"
            )
        return None
    if options.image_limit < 1:
        raise ConfigurationError(f"--image-limit is {options.image_limit}, expected 1 or more")
    images = load_images(options.images)
    places = np.flatnonzero(images.split == "test")[: options.image_limit]
    if not len(places):
        raise ConfigurationError(f"--images {options.images}: has no test images")
    trigger = None
    if options.trigger is not None:
        trigger = trigger_from_dict(read_json(options.trigger, what="description of a trigger"))
    return Evidence(LabeledImages.from_image_set(images.subset(places)), images.name, trigger, options.target)


def _print(outcome: RepairOutcome) -> None:
    for note in outcome.notes:
        say(f"{outcome.file}: {note}")
    changes = tuple((c.name, c.relative, c.largest) for c in outcome.changes)
    tables = [Table("Changes", ("parameter", "relative size", "largest"), changes)]
    if (found := outcome.searched) is not None:
        reached = (("before", found.before), ("after", found.after))
        tables.append(Table(f"Searched changes toward class {found.answer}", ("", "images reached"), reached))
    if outcome.before is not None and outcome.after is not None:
        figures = {"C-Acc": "c_acc", "ASR": "asr", "RA": "ra"}
        # Without a trigger there is nothing to say about it.
        shown = {title: name for title, name in figures.items() if getattr(outcome.after, name) is not None}
        both = (("before", outcome.before), ("after", outcome.after))
        rows = tuple((when, *(getattr(one, name) for name in shown.values())) for when, one in both)
        tables.append(Table(f"On {outcome.images}", ("", *shown), rows))
    print_tables(tables)
