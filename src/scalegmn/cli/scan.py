"""``scalegmn scan``: judge checkpoint files with a trained detector of trojans, for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.model_options import add_reading_options
from scalegmn.cli.output import complain, say
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.printable import printable
from scalegmn.reports.sarif import to_sarif
from scalegmn.reports.scan_page import scan_page
from scalegmn.training.files import write_json, write_text
from scalegmn.training.scanning.detector import Detector
from scalegmn.training.scanning.journal import remove_journal
from scalegmn.training.scanning.results import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_FPR,
    DEFAULT_MAX_BYTES,
    Explain,
    FileResult,
    ScanReport,
    ScanSettings,
    Verdict,
    failing,
)
from scalegmn.training.scanning.scanner import scan

HELP = "judge checkpoint files with a trained detector of trojans, for pipelines"

EXIT_CODES: Final = {Verdict.clean: 0, Verdict.suspect: 1, Verdict.error: 2, Verdict.abstain: 3}
"""By the gravest verdict that --fail-on names."""
_ALL: Final = "suspect,error,abstain"
_NONE: Final = "none"

_ABOUT = (
    f"{HELP.capitalize()}. Nothing in a file is executed. Exit codes: 0 all files are clean, 1 a file is "
    "suspect, 2 a file or the detector cannot be read, or the options are wrong, 3 the detector has no say "
    "about a file, the first of them that applies; 4 interrupted, 5 scalegmn itself failed."
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = ArgumentParser(prog="scalegmn scan", description=_ABOUT, default_env=False)
    parser.add_argument(
        "files", type=Path, nargs="+", help=".safetensors, .npz, .pt or .pth, and folders of such files"
    )
    parser.add_argument(
        "--detector", type=Path, required=True, help="run folder of a training of the task trojan_detection"
    )
    parser.add_argument(
        "--fpr", type=float, default=DEFAULT_FPR, help="share of clean networks that may be called suspect"
    )
    parser.add_argument(
        "--prior",
        type=float | None,
        default=None,
        help="share of trojaned networks that probabilities assume; by default that of the calibration",
    )
    add_reading_options(parser, max_bytes=DEFAULT_MAX_BYTES)
    parser.add_argument(
        "--explain",
        type=Explain,
        default=Explain.all,
        help="networks whose most telling layers and neurons are named: all, suspect or none (fastest)",
    )
    _add_outputs(parser)
    _add_limits(parser)
    return parser


def _add_outputs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--fail-on",
        "--fail_on",
        type=str,
        default=_ALL,
        help="verdicts that make the exit code other than 0, with commas between them, or none",
    )
    parser.add_argument("--json", type=Path | None, default=None, help="write the report as JSON")
    parser.add_argument("--sarif", type=Path | None, default=None, help="write the report as SARIF 2.1.0")
    parser.add_argument("--html", type=Path | None, default=None, help="write the report as a page")
    parser.add_argument(
        "--journal",
        type=Path | None,
        default=None,
        help="file that notes finished files; by default one beside --json, deleted when all is done",
    )
    parser.add_argument(
        "--resume", action="store_true", help="files that the journal knows are not judged again"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, and no lines for clean files")


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument("--batch_size", type=int, default=DEFAULT_BATCH_SIZE, help="networks at a time")
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="such as cpu or cuda:1; by default a GPU if there is one",
    )


def run(argv: Sequence[str]) -> int:
    """Scan, write the reports, and print one line per file and a summary."""
    options = build_parser().parse_args(list(argv))
    try:
        verdicts = fail_on(options.fail_on)
        report = _scanned(options)
        code = EXIT_CODES[failing(report, verdicts)]
        if options.sarif is not None:
            write_json(options.sarif, to_sarif(report, exit_code=code))
        if options.html is not None:
            write_text(options.html, scan_page(report))
        if options.json is not None:
            write_json(options.json, report.to_dict() | {"exit_code": code})
            if options.journal is None:
                remove_journal(_journal_beside(options.json))
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: cannot be written ({error.strerror})") from error
    except ScaleGMNError as error:
        # Other errors have an exit code that here means something else.
        raise ConfigurationError(str(error)) from error
    _print(report, quiet=options.quiet)
    return code


def fail_on(text: str) -> tuple[Verdict, ...]:
    """The verdicts in an option such as ``suspect,error``.

    Raises:
        ConfigurationError: a word is none of them.
    """
    words = [] if text.strip() == _NONE else [word.strip() for word in text.split(",")]
    known = {verdict.value: verdict for verdict in Verdict if verdict is not Verdict.clean}
    wrong = [word for word in words if word not in known]
    if wrong:
        raise ConfigurationError(
            f"--fail-on {text!r}: {wrong[0]!r} is none of {', '.join(known)}; join them by commas, or say "
            "none"
        )
    return tuple(known[word] for word in words)


def _scanned(options: Namespace) -> ScanReport:
    settings = ScanSettings(
        fpr=options.fpr,
        prior=options.prior,
        activation=options.activation,
        explain=options.explain,
        batch_size=options.batch_size,
        max_bytes=options.max_bytes,
    )
    journal = options.journal
    if journal is None and options.json is not None:
        journal = _journal_beside(options.json)
    if options.resume and journal is None:
        raise ConfigurationError("--resume: there is no journal to go on with; give --json or --journal")
    return scan(
        options.files,
        detector=Detector.open(options.detector, device=options.device),
        settings=settings,
        journal=journal,
        resume=options.resume,
        progress=not options.quiet,
    )


def _journal_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


def _print(report: ScanReport, *, quiet: bool) -> None:
    for result in report.files:
        if not (quiet and result.verdict is Verdict.clean):
            say(line_of(result))
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in report.counts.items())
    skipped = (
        f"; {len(report.skipped)} files with other suffixes were not looked at" if report.skipped else ""
    )
    say(f"{len(report.files)} files: {counts}{skipped}")
    for warning in report.detector.warnings:
        complain(f"scalegmn scan: warning: {warning}")


def line_of(result: FileResult) -> str:
    """One line about a file, fit for a terminal."""
    parts = [f"{result.verdict.value:<7}", printable(result.path)]
    if result.probability is not None:
        parts.append(f"probability {result.probability:.3f}, p {result.p_value:.4f}")
    if result.target is not None and result.verdict is Verdict.suspect:
        parts.append(f"target {result.target} ({result.target_probability:.2f})")
    if result.layers:
        shown = [share.describe() for share in (*result.layers[:1], *result.neurons[:2])]
        parts.append("by " + ", ".join(shown))
    if result.reason is not None:
        parts.append(printable(result.reason))
    parts += [f"({printable(note)})" for note in result.notes]
    return "  ".join(parts)
