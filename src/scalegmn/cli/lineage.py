"""``scalegmn lineage``: which networks of a folder descend from which."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.alignment.lineage import (
    RELATED,
    FamilyMember,
    Lineage,
    LineageNetwork,
    LineageSettings,
    find_lineage,
)
from scalegmn.cli.alignment_options import saved_reader
from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.model_options import add_reading_options
from scalegmn.cli.onnx_files import add_onnx_settings
from scalegmn.cli.output import complain, say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.program_options import add_program_options
from scalegmn.cli.tables import print_tables
from scalegmn.errors import ConfigurationError
from scalegmn.populations import progress_bar
from scalegmn.reports import TreeRow, draw_lineage, save_figure, tree_order
from scalegmn.training import Files, Table, find_sources

HELP = "which networks are related, which are the same, and who descends from whom"

EXAMPLES: Final = (
    "scalegmn lineage zoo --activation relu # who descends from whom in a folder",
    "scalegmn lineage zoo --program net.json --picture tree.png --json lineage.json # picture, JSON",
)

_SHOWN: Final = 100
"""Networks in the table that is printed."""


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn lineage",
        description=f"Tell {HELP}: a row for each network that has relatives, children below their "
        "parents. A file that cannot be read is one line of error, and the others are done: exit code 3.",
        default_env=False,
    )
    parser.add_argument(
        "files", type=Path, nargs="+", help="checkpoint files, ONNX files, and folders of such files"
    )
    parser.add_argument(
        "--nearest", type=int, default=10, help="relatives of each network that are aligned and told"
    )
    parser.add_argument(
        "--related",
        type=float,
        default=RELATED,
        help="how alike the fingerprints within a family are, at least, from 0 to 1",
    )
    add_json_option(parser, "all that was found")
    parser.add_argument(
        "--picture", type=Path | None, default=None, help="draw the trees of the families into this PNG file"
    )
    add_reading_options(parser)
    add_program_options(parser)
    add_onnx_settings(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Find the relatives, and print a row for each network that has some."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json, options.picture)
    settings = _settings(options)
    reader = saved_reader(options)
    found = find_sources(options.files)
    if not isinstance(found, Files):
        raise ConfigurationError(
            f"{options.files[0]} is a population, expected checkpoint files; write some with scalegmn export"
        )

    def read(place: int) -> LineageNetwork:
        saved = reader.read(found.paths[place])
        return LineageNetwork(architecture=saved.architecture, theta=saved.theta, dtype=saved.dtype)

    with progress_bar("Comparing", total=len(found.paths), show=shows_progress()) as advance:
        lineage = find_lineage([str(path) for path in found.paths], read, settings=settings, advance=advance)
    errors = [*(one.reason for one in lineage.unread), *(one.reason for one in found.problems)]
    _print(lineage)
    if options.json is not None:
        problems = [{"name": str(one.path), "error": one.reason} for one in found.problems]
        plain = lineage.to_dict()
        give_json(options.json, {**plain, "errors": [*plain["errors"], *problems]})
    if options.picture is not None:
        _draw(lineage, options.picture)
    for reason in errors:
        complain(f"scalegmn lineage: error: {reason}")
    return DATA if errors else OK


def _settings(options: Namespace) -> LineageSettings:
    if options.nearest < 1:
        raise ConfigurationError(f"--nearest is {options.nearest}, expected 1 or more")
    if not 0 < options.related < 1:
        raise ConfigurationError(f"--related is {options.related}, expected a number between 0 and 1")
    return LineageSettings(nearest=options.nearest, related=options.related)


def _print(lineage: Lineage) -> None:
    ordered = _in_order(lineage)
    short = _shortened([one.name for one in lineage.members])
    rows = tuple(
        (
            f"{'  ' * depth}{short[member.name]}",
            member.family,
            "" if member.parent is None else short[member.parent],
            "" if (near := _to_parent(member)) is None else f"{near:.3f}",
            member.evidence or "",
            ", ".join(short[name] for name in member.duplicates),
        )
        for member, depth in ordered[:_SHOWN]
    )
    columns = ("network", "family", "parent", "distance", "direction by", "same as")
    if rows:
        print_tables([Table("Families", columns, rows)])
    if len(ordered) > _SHOWN:
        say(f"and {len(ordered) - _SHOWN} more with relatives; --json writes all of them")
    families = sum(len(members) > 1 for members in lineage.families)
    alone = len(lineage.members) - len(ordered)
    say(f"{len(ordered)} networks in {families} families, {alone} without relatives")


def _in_order(lineage: Lineage) -> list[tuple[FamilyMember, int]]:
    """Members of families with several, trees together, with their depths."""
    members = [one for family in lineage.families if len(family) > 1 for one in family]
    places = {one.name: place for place, one in enumerate(members)}
    parents = [None if one.parent is None else places[one.parent] for one in members]
    return [(members[place], depth) for place, depth in tree_order(parents)]


def _to_parent(member: FamilyMember) -> float | None:
    """The distance to the parent, where it is among the nearest."""
    return next((one.distance for one in member.relatives if one.name == member.parent), None)


def _shortened(names: Sequence[str]) -> dict[str, str]:
    """Names without the folder that all have in common."""
    folders = {str(Path(name).parent) for name in names}
    absolute = {Path(name).is_absolute() for name in names}
    shared = commonpath(folders) if len(names) > 1 and len(absolute) == 1 else ""
    return {name: str(Path(name).relative_to(shared)) if shared else name for name in names}


def _draw(lineage: Lineage, path: Path) -> None:
    ordered = [member for member, _ in _in_order(lineage)]
    if not ordered:
        complain(f"scalegmn lineage: no networks are related, so that {path} was not drawn")
        return
    short = _shortened([one.name for one in lineage.members])
    places = {one.name: place for place, one in enumerate(ordered)}
    rows = [
        TreeRow(
            name=short[one.name],
            parent=None if one.parent is None else places[one.parent],
            evidence=one.evidence or "",
            note="" if (near := _to_parent(one)) is None else f"{near:.3f}",
        )
        for one in ordered
    ]
    save_figure(draw_lineage(rows, title="Who descends from whom"), path, replace=False)
    tell(f"the picture is in {path}")
