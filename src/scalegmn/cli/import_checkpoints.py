"""The part of ``scalegmn import`` that reads checkpoint files of one's own, with a table of labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.program_options import PROGRAM_OPTIONS, add_program_options, own_programs
from scalegmn.collections import MAX_BYTES, TABLE, ImportReport, NetworkReader, import_checkpoints
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import DESCRIPTION, StatedArchitecture
from scalegmn.populations import FILE_COLUMN, LabelTable

OPTIONS: Final = ("table", "file_column", "architecture", "key", "max_bytes", *PROGRAM_OPTIONS)
"""Options that no other collection has."""


def add_checkpoint_options(parser: ArgumentParser) -> None:
    """Add them, all without a value where none is given."""
    parser.add_argument(
        "--table",
        type=Path | None,
        default=None,
        help=f"checkpoints: CSV or Parquet file with a row for every file; by default {TABLE} in the folder",
    )
    parser.add_argument(
        "--file-column",
        type=str | None,
        default=None,
        help=f"checkpoints: the column of the table that names the files, {FILE_COLUMN} by default",
    )
    parser.add_argument(
        "--architecture",
        type=str | None,
        default=None,
        help="checkpoints: what the files hold, where they do not say it: a JSON file with what "
        "Architecture.to_dict gives, or a list of such, or the JSON itself",
    )
    add_program_options(parser, prefix="checkpoints: ")
    parser.add_argument(
        "--key",
        type=str | None,
        default=None,
        help="checkpoints: key of the network in files that hold several, with dots between keys; '.' is "
        "the top",
    )
    parser.add_argument(
        "--max-bytes",
        type=int | None,
        default=None,
        help="checkpoints: refuse files that are, or unpack to, more bytes than this",
    )


def run_import(options: Namespace) -> ImportReport:
    """Import, as the options say.

    Raises:
        ConfigurationError: options that contradict each other, or an architecture that is none.
        PopulationError: the table or the folder cannot be used.
    """
    if options.max_bytes is not None and options.max_bytes < 1:
        raise ConfigurationError(f"--max-bytes is {options.max_bytes}, expected 1 or more")
    reader = NetworkReader(
        architectures=_known(options),
        activation=options.activation,
        key=options.key,
        max_bytes=options.max_bytes or MAX_BYTES,
    )
    return import_checkpoints(
        options.folder,
        options.output,
        table=LabelTable.read(_table(options), file_column=options.file_column),
        reader=reader,
        workers=options.workers,
        cluster=options.cluster,
        resume=options.resume,
        progress=shows_progress(),
    )


def _known(options: Namespace) -> tuple[Architecture, ...]:
    """What the files hold, as far as the user says it."""
    ways = {name: options[name] for name in ("module", "program", "architecture") if options[name]}
    if len(ways) > 1 or (options.activation is not None and ways.keys() & {"module", "program"}):
        given = [*ways, *(() if options.activation is None else ("activation",))]
        raise ConfigurationError(
            f"{' and '.join(f'--{name}' for name in given)} each say what the files hold; leave all but one "
            "out"
        )
    if own := own_programs(options):
        return own
    return () if options.architecture is None else _architectures(options.architecture)


def _table(options: Namespace) -> Path:
    inside: Path = options.folder / (options.table or TABLE)
    if options.table is not None and (options.table.exists() or not inside.exists()):
        return Path(options.table)
    if not inside.exists():
        raise PopulationError(
            f"{options.folder}: has no {TABLE}; name the table of what is known about the files with --table"
        )
    return inside


def _architectures(text: str) -> tuple[Architecture, ...]:
    """From JSON, or a file with it."""
    origin = "--architecture"
    if not text.lstrip().startswith(("{", "[")):
        origin = text
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"--architecture {origin}: cannot be read: {error}") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{origin}: is no JSON: {error}") from error
    entries = data if isinstance(data, list) else [data]
    found = []
    for entry in entries:
        stated = StatedArchitecture.from_extras({DESCRIPTION: json.dumps(entry)})
        if stated.architecture is None:
            raise ConfigurationError(
                f"{origin}: is no description of an architecture; write what Architecture.to_dict gives, or "
                "a list of such"
            )
        found.append(stated.architecture)
    if not found:
        raise ConfigurationError(f"{origin}: describes no architecture, expected one or more")
    return tuple(found)
