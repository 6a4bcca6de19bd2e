"""What ``scalegmn scan`` prints about files."""

from __future__ import annotations

from scalegmn.cli.output import complain, say
from scalegmn.printable import NAME, how_many, printable
from scalegmn.trojans.scanning import FileResult, ScanReport, Verdict

_SHOWN = 3


def print_report(report: ScanReport, *, quiet: bool) -> None:
    """One line for each network, then a summary; warnings go to the standard error stream."""
    for result in report.files:
        if not (quiet and result.verdict is Verdict.clean):
            say(line_of(result))
    say(summary_of(report))
    for warning in report.detector.warnings:
        complain(f"scalegmn scan: warning: {warning}")


def summary_of(report: ScanReport) -> str:
    """How many files there are of every verdict, and what has to be known about the predictions."""
    counts = ", ".join(f"{count} {verdict.value}" for verdict, count in report.counts.items())
    files, networks = len(report.paths), len(report.files)
    looked = how_many(files, "file")
    parts = [
        f"{looked}: {counts}" if files == networks else f"{looked}, {how_many(networks, 'result')}: {counts}"
    ]
    parts.append(printable(report.knowledge))
    if report.skipped:
        parts.append(f"{how_many(len(report.skipped), 'other file')} in folders not looked at")
    if report.from_journal:
        parts.append(
            f"{how_many(report.from_journal, 'prediction')} came from the journal of an earlier scan"
        )
    return "; ".join(parts)


def line_of(result: FileResult) -> str:
    """One line about a network, fit for a terminal."""
    parts = [f"{result.verdict.value:<7}", printable(result.location)]
    if result.probability is not None and result.p_value is not None:
        parts.append(f"probability {result.probability:.3f}, p {result.p_value:.4f}")
    if result.target is not None and result.verdict is Verdict.suspect:
        parts.append(f"target {result.target} ({result.target_probability:.2f})")
    if result.layers:
        shown = [share.describe() for share in (*result.layers[:1], *result.neurons[:2])]
        parts.append("by " + ", ".join(shown))
    if result.reason is not None:
        parts.append(printable(result.reason))
    elif result.unread:
        parts.append(f"not evaluated: {names_of(result.unread)}")
    parts += [f"({printable(note)})" for note in result.notes]
    return "  ".join(parts)


def names_of(unread: tuple[str, ...]) -> str:
    """The first of many names."""
    shown = ", ".join(printable(name, limit=NAME) for name in unread[:_SHOWN])
    return shown + (f" and {len(unread) - _SHOWN} more" if len(unread) > _SHOWN else "")
