"""``scalegmn info``: what a population, a run, a saved model or a checkpoint file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from jsonargparse import ArgumentParser

from scalegmn.checkpoints import DEFAULT_MAX_BYTES, network_parts
from scalegmn.cli.describe.population import describe_population
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import say_all
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.terminal import console
from scalegmn.errors import ConfigurationError
from scalegmn.networks import read_json
from scalegmn.populations import INDEX, JOURNAL
from scalegmn.reports import ResultTable
from scalegmn.shipped import CARD, located

HELP = "show the contents of a population, a run, a saved model or a checkpoint file"

EXAMPLES: Final = (
    "scalegmn info populations/digits_inrs # architectures, columns, splits",
    "scalegmn info network.pt --json - # tensors of a file, as JSON",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn info", description=f"{HELP.capitalize()}.")
    parser.add_argument(
        "path",
        type=Path,
        help="folder of a population, of a run or of a saved model; a checkpoint file; or the name of a "
        "model that comes with scalegmn, such as scalegmn/trojan-detector, for its card",
    )
    parser.add_argument("--verify", action="store_true", help="populations: verify every checksum")
    parser.add_argument(
        "--key",
        type=str | None,
        default=None,
        help="files: key of the network, if there are several, with dots between keys; '.' is the top",
    )
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=DEFAULT_MAX_BYTES,
        help="refuse files that are, or unpack to, more bytes than this",
    )
    add_json_option(parser, "the tables")
    parser.add_argument(
        "--format", type=Literal["table", "markdown"], default="table", help="format of the tables"
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """Print tables about what lies at a path, or the card of a model that comes with the library."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    place = located(options.path)
    if place != options.path:
        say_all((place / CARD).read_text(encoding="utf-8").rstrip("\n"))
        return OK
    tables = describe(options.path, verify=options.verify, key=options.key, max_bytes=options.max_bytes)
    give_json(options.json, [_plain(table) for table in tables])
    for table in tables:
        if options.format == "markdown":
            say_all(table.to_markdown())
        else:
            console().print(table.to_rich())
    return OK


def _plain(table: ResultTable) -> dict[str, object]:
    return {"title": table.title, "columns": list(table.columns), "rows": [list(row) for row in table.rows]}


def describe(
    path: Path, *, verify: bool = False, key: str | None = None, max_bytes: int = DEFAULT_MAX_BYTES
) -> list[ResultTable]:
    """Tables about what lies at `path`, whatever it is.

    Args:
        path: a folder or a file.
        verify: whether the checksums of a population are compared.
        key: where the network lies in a file that holds several.
        max_bytes: refuse files that are, or unpack to, more bytes than this.

    Raises:
        ConfigurationError: it is nothing that this library writes or reads.
        ScaleGMNError: it is damaged.
    """
    if (path / INDEX).exists() or (path / JOURNAL).exists():
        return describe_population(path, verify=verify)
    if verify:
        raise ConfigurationError(f"--verify was given, but {path} is no population; leave it out")
    # What models and training runs need takes seconds to load.
    if path.is_file() or _is_foreign_folder(path):
        from scalegmn.cli.describe.tensors import describe_checkpoint

        return describe_checkpoint(path, key=key, max_bytes=max_bytes)
    if (path / "run.json").is_file():
        from scalegmn.cli.describe.run import describe_run

        return describe_run(path)
    if (path / "model.safetensors").is_file():
        from scalegmn.cli.describe.tensors import describe_model

        return describe_model(path)
    found = "does not exist"
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        found = f"is a folder with {', '.join(names[:5])}{more}" if names else "is an empty folder"
    raise ConfigurationError(
        f"{path}: {found}; expected the folder of a population (index.json), of a run (run.json) or of a "
        "saved model (model.safetensors), or a checkpoint file"
    )


def _is_foreign_folder(path: Path) -> bool:
    """Whether a folder is one network of another program, such as one of Hugging Face."""
    if not path.is_dir() or not network_parts(path):
        return False
    config = path / "config.json"
    # What this library saves says which of its models it is.
    return not config.is_file() or "model" not in read_json(config, what="model configuration")
