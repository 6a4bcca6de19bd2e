"""``scalegmn import``: published networks, or files of one's own, become a packed population."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.cluster import add_cluster_option
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.import_checkpoints import OPTIONS, add_checkpoint_options, run_import
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser, option_of
from scalegmn.cli.published import OWN, format_called, names_of, print_refusals, with_given
from scalegmn.collections import ImportReport, PublishedFormat
from scalegmn.collections.inrs import VALIDATION
from scalegmn.collections.small_cnn_zoo import LAST_STEP
from scalegmn.errors import ConfigurationError

HELP = "convert a published collection of networks, or your own checkpoints, to a packed population"

EXAMPLES: Final = (
    "scalegmn import mnist_inrs downloads/mnist -o populations/mnist_inrs # a published collection",
    "scalegmn import checkpoints runs --table labels.csv -o populations/mine # files of your own",
)

_OPTIONS: Final = (
    "splits",
    "augmented",
    "padding",
    "activation",
    "step",
    "split_rule",
    "suffix",
    "source",
)
"""Options of formats, each of some."""

_NONE: Final = {"step": "all", "split_rule": "none"}
"""What says that there is no limit."""


def build_parser() -> CommandParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn import", description=f"{HELP.capitalize()}.")
    names = ", ".join(names_of())
    parser.add_argument(
        "collection", type=str, help=f"format of the folder: {names}, or {OWN} for files of your own"
    )
    parser.add_argument("folder", type=Path, help="folder of the collection")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the new population")
    parser.add_argument(
        "--splits", type=Path | None, default=None, help="splits file, where it is not in the folder"
    )
    parser.add_argument(
        "--generate-splits",
        type=int | None,
        default=None,
        metavar="SEED",
        help="write the splits file into the folder first, with validation networks chosen by this seed",
    )
    parser.add_argument(
        "--validation",
        type=int,
        default=VALIDATION,
        help="number of validation networks in a splits file that is written",
    )
    parser.add_argument(
        "--augmented", action="store_true", help="CIFAR-10: read augmented copies of training images too"
    )
    _add_zoo_options(parser)
    parser.add_argument(
        "--source",
        type=str | None,
        default=None,
        help="trojan_folders: images, such as cifar10, to measure accuracy and attack success on; by default "
        "they are not measured",
    )
    add_checkpoint_options(parser)
    parser.add_argument(
        "--workers", type=int | None, default=None, help="worker processes; chosen automatically by default"
    )
    add_cluster_option(parser)
    parser.add_argument("--resume", action="store_true", help="continue an interrupted import")
    return parser


def _add_zoo_options(parser: ArgumentParser) -> None:
    # None tells what was given from what was not, because other collections have no such options.
    parser.add_argument(
        "--padding",
        type=Literal[0, 1] | None,
        default=None,
        help="small_cnn_zoo, trojan_folders: padding of every convolution; of the zoo 0 as published, the "
        "default, or 1 as in the later re-run; of trojan folders 1",
    )
    parser.add_argument(
        "--activation",
        type=str | None,
        default=None,
        help="small_cnn_zoo: read only networks with relu, or with tanh; trojan_folders: of all networks, "
        "where no table says it; checkpoints: of the hidden layers, such as relu, sine:30, or one for each "
        "as in relu,tanh, where names and shapes leave it open",
    )
    parser.add_argument(
        "--step",
        type=int | Literal["all"] | None,
        default=None,
        help="small_cnn_zoo, trojan_folders: read only checkpoints of this epoch, or all; by default "
        f"{LAST_STEP} of the zoo, and the last of each folder",
    )
    parser.add_argument(
        "--split-rule",
        type=Literal["clean", "published", "none"] | None,
        default=None,
        help="small_cnn_zoo: how to read the split file: every network once and whole runs (clean, the "
        "default), as the published experiments did with its header read as row 0 (published), or not (none)",
    )
    parser.add_argument(
        "--suffix",
        type=str | None,
        default=None,
        help="small_cnn_zoo: suffix of the file names, _new for the trojaned zoo, "
        "weights_new.npy and metrics_new.csv",
    )


def run(argv: Sequence[str]) -> int:
    """Import, and say how many networks were read and which files were refused and why."""
    parser = build_parser()
    options = parser.parse_args(list(argv))
    if options.collection == OWN:
        _refuse(options, *(name for name in (*_OPTIONS, "generate_splits") if name != "activation"))
        _print_report(run_import(options), title="your own", unit="files")
        return OK
    chosen = format_called(options.collection, option="collection", names=(*names_of(), OWN), parser=parser)
    _refuse(options, *OPTIONS, *(() if chosen.parallel else ("workers", "cluster")))
    chosen = with_given(chosen, _given(options))
    if options.generate_splits is not None:
        _generate_splits(chosen, options)
    report = chosen.read_into(
        options.output,
        source=options.folder,
        workers=options.workers,
        cluster=options.cluster,
        resume=options.resume,
        progress=shows_progress(),
    )
    _print_report(report, title=chosen.described, unit=chosen.unit)
    return OK


def _given(options: Namespace) -> dict[str, Any]:
    """What the user said about the format."""
    values = {name: options[name] for name in _OPTIONS}
    given = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: None if value == _NONE.get(name) else value for name, value in given.items()}


def _print_report(report: ImportReport, *, title: str, unit: str) -> None:
    say(f"{report.networks} networks of {title} are in {report.folder}")
    for reason, count in report.left_out.items():
        say(f"{_were(count, unit)} left out: {reason}")
    for remark in report.remarks:
        say(remark)
    say(f"{_were(len(report.refused), unit)} refused")
    print_refusals(report.refused)


def _were(count: int, unit: str) -> str:
    return f"1 {unit.removesuffix('s')} was" if count == 1 else f"{count} {unit} were"


def _refuse(options: Namespace, *names: str) -> None:
    """Refuse options of other formats."""
    for name in names:
        if options[name] not in (None, False, []):
            raise ConfigurationError(
                f"{option_of(name)} was given, but {options.collection} has no such option; leave it out"
            )


def _generate_splits(chosen: PublishedFormat, options: Namespace) -> None:
    if options.splits is not None and chosen.generates_splits:
        raise ConfigurationError(
            "--splits names a splits file and --generate-splits writes one; give one of them"
        )
    path = chosen.generate(options.folder, seed=options.generate_splits, validation=options.validation)
    tell(f"the splits are in {path}")
