"""``scalegmn verify``: whether files are still those that a scan evaluated."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.exit_codes import NEGATIVE, OK
from scalegmn.cli.general_options import general_options
from scalegmn.cli.json_results import add_json_option, check_free, give_json
from scalegmn.cli.output import complain, say
from scalegmn.cli.parsers import CommandParser
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.trojans.scanning import Verification, read_key, read_manifest, verify

HELP = "check that files have not changed since a scan found them clean"

EXAMPLES: Final = (
    "scalegmn verify models.manifest.json # is every byte still what was found clean?",
    "scalegmn verify models.manifest.json --folder deployed --key-file manifest.key # elsewhere, signed",
)

_ABOUT = (
    f"{HELP.capitalize()}, by the manifest of scalegmn scan --manifest. Exit codes: 0 every byte is as it "
    "was evaluated, and clean; 1 a file was changed, is missing, was not there, or was not found clean; 2 "
    "the manifest or the folder cannot be read, or the signature is wrong."
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn verify", description=_ABOUT, default_env=False)
    parser.add_argument("manifest", type=Path, help="file that scalegmn scan --manifest wrote")
    parser.add_argument(
        "--folder", type=Path | None, default=None, help="where the files are now; by default where they were"
    )
    parser.add_argument(
        "--key-file",
        type=Path | None,
        default=None,
        help="secret with which the manifest must be signed",
    )
    add_json_option(parser, "the differences")
    parser.add_argument(
        "--follow-links", action="store_true", help="follow links, and trust what they lead to"
    )
    return parser


def run(argv: Sequence[str]) -> int:
    """Compare, and print one line per difference and a summary."""
    options = build_parser().parse_args(list(argv))
    check_free(options.json)
    try:
        key = None if options.key_file is None else read_key(options.key_file)
        manifest, signed = read_manifest(options.manifest, key=key)
        found = verify(manifest, options.folder, without=options.manifest, follow_links=options.follow_links)
    except ConfigurationError:
        raise
    except ScaleGMNError as error:
        # Other errors have an exit code that here means something else.
        raise ConfigurationError(str(error)) from error
    for difference in found.differences:
        say(f"{difference.kind:<10}  {difference.path}  {difference.reason}")
    if not general_options().quiet:
        say(_summary(found))
        say(f"evaluated {manifest.time} by the detector {str(manifest.detector.get('model_sha256'))[:64]}")
    give_json(options.json, _plain(found, time=manifest.time, checked=signed and key is not None))
    if signed and key is None:
        complain("scalegmn verify: warning: the manifest is signed, but not checked; give --key-file")
    return NEGATIVE if found.differences else OK


def _summary(found: Verification) -> str:
    counts = [f"{count} {kind}" for kind, count in found.counts.items()]
    same = [f"{found.clean} files are those that were found clean"]
    if found.skipped:
        same.append(f"{found.skipped} are those that were not looked at")
    return f"{found.folder}: " + ", ".join(same + counts)


def _plain(found: Verification, *, time: str, checked: bool) -> dict[str, object]:
    return {
        "folder": found.folder,
        "evaluated": time,
        "signature_checked": checked,
        "clean": found.clean,
        "skipped": found.skipped,
        "differences": [dataclasses.asdict(difference) for difference in found.differences],
    }
