"""``scalegmn scan``: scan checkpoint files for trojans with a trained detector, for use in pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.cluster import add_cluster_option
from scalegmn.cli.general_options import general_options, shows_progress
from scalegmn.cli.model_options import add_reading_options
from scalegmn.cli.output import complain
from scalegmn.cli.parsers import CommandParser
from scalegmn.cli.scan_lines import print_report
from scalegmn.cli.scan_reports import Outputs, report_json
from scalegmn.disk import sentence_of
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.trojans.scanning import (
    DEFAULT_BATCH_SIZE,
    DEFAULT_FPR,
    DEFAULT_MAX_BYTES,
    SHIPPED_DETECTOR,
    Detector,
    Explain,
    ScanReport,
    ScanSettings,
    Verdict,
    failing,
    manifest_of,
    own_journal,
    question,
    read_key,
    remove_journal,
    scan,
    scan_page,
    to_sarif,
)

HELP = "scan checkpoint files for trojans with a trained detector, for use in pipelines"

EXAMPLES: Final = (
    "scalegmn scan models # every file of a folder, by the detector that comes with scalegmn",
    "scalegmn scan models --sarif scan.sarif --html scan.html --fail-on suspect # for a pipeline",
)

EXIT_CODES: Final = {Verdict.clean: 0, Verdict.suspect: 1, Verdict.error: 2, Verdict.abstain: 3}
"""By the gravest verdict that --fail-on names."""
_ALL: Final = "suspect,error,abstain"
_NONE: Final = "none"
_SKIPPED: Final = "skipped"
_UNWRITTEN: Final = 2
_REPORTS: Final = ("json", "sarif", "html", "manifest")

_ABOUT = (
    f"{HELP.capitalize()}. Nothing in a file is executed. Exit codes: 0 all files are clean, 1 a file is "
    "suspect, 2 a file or the detector cannot be read, a report cannot be written, or the options are wrong, "
    "3 the detector abstains on a file, the first of them that applies; 4 interrupted, 5 scalegmn "
    "itself failed."
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, prog="scalegmn scan", description=_ABOUT, default_env=False)
    parser.add_argument(
        "files", type=Path, nargs="+", help="files, whatever they are called, and folders of such files"
    )
    parser.add_argument(
        "--detector",
        type=Path | None,
        default=None,
        help="run folder of a model trained with task: trojan_detection; by default the detector that comes "
        f"with scalegmn, {SHIPPED_DETECTOR}",
    )
    parser.add_argument(
        "--fpr",
        type=float,
        default=DEFAULT_FPR,
        help="false positive rate: fraction of clean networks that may be called suspect",
    )
    parser.add_argument(
        "--prior",
        type=float | None,
        default=None,
        help="prior fraction of trojaned networks, for probabilities; by default that of the calibration",
    )
    add_reading_options(parser, max_bytes=DEFAULT_MAX_BYTES, chooses=False)
    parser.add_argument(
        "--explain",
        type=Explain,
        default=Explain.all,
        help="networks for which the most influential layers and neurons are named: all, suspect or none "
        "(fastest)",
    )
    parser.add_argument(
        "--follow-links",
        action="store_true",
        help="follow links to folders, which are errors otherwise",
    )
    _add_outputs(parser)
    _add_limits(parser)
    return parser


def _add_outputs(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--fail-on",
        type=str,
        default=_ALL,
        help="verdicts that make the exit code other than 0, with commas between them, or none; skipped "
        "stands for files in folders that were not looked at",
    )
    parser.add_argument(
        "--json", type=Path | None, default=None, help="write the report as JSON; - prints it"
    )
    parser.add_argument(
        "--sarif", type=Path | None, default=None, help="write the report as SARIF 2.1.0; - prints it"
    )
    parser.add_argument("--html", type=Path | None, default=None, help="write the report as an HTML page")
    parser.add_argument(
        "--manifest",
        type=Path | None,
        default=None,
        help="write which bytes were scanned, for scalegmn verify",
    )
    parser.add_argument("--key-file", type=Path | None, default=None, help="secret that signs the manifest")
    parser.add_argument(
        "--journal",
        type=Path | None,
        default=None,
        help="file that notes finished files; with --resume, by default one in a folder of yours that is "
        "deleted when all is done",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep a journal, and skip files that it knows",
    )


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument("--batch-size", type=int, default=DEFAULT_BATCH_SIZE, help="networks per batch")
    parser.add_argument(
        "--device",
        type=str | None,
        default=None,
        help="device, such as cpu or cuda:1; by default a GPU if there is one",
    )
    add_cluster_option(parser)


def run(argv: Sequence[str]) -> int:
    """Scan, write the reports, and print one line per network and a summary."""
    options = build_parser().parse_args(list(argv))
    try:
        return _run(options)
    except ConfigurationError:
        raise
    except ScaleGMNError as error:
        # Other errors have an exit code that here means something else.
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        raise ConfigurationError(sentence_of(error)) from error


def _run(options: Namespace) -> int:
    wanted = fail_on(options.fail_on)
    outputs = Outputs({name: options[name] for name in _REPORTS if options[name] is not None})
    outputs.check(options.files)
    if options.key_file is not None and options.manifest is None:
        raise ConfigurationError("--key-file: signs a manifest, but there is none; give --manifest too")
    key = None if options.key_file is None else read_key(options.key_file)
    settings = _settings(options)
    detector = (
        Detector.shipped(device=options.device)
        if options.detector is None
        else Detector.open(options.detector, device=options.device)
    )
    journal = options.journal
    if journal is None and options.resume:
        journal = own_journal(question(detector, settings), options.files)
    report = scan(
        options.files,
        detector=detector,
        settings=settings,
        journal=journal,
        resume=options.resume,
        follow_links=options.follow_links,
        cluster=options.cluster,
        progress=shows_progress(),
    )
    code = wanted.code(report)
    problems = outputs.write(
        {
            "json": lambda: report_json(report.to_dict() | {"exit_code": code}),
            "sarif": lambda: report_json(to_sarif(report, exit_code=code)),
            "html": lambda: scan_page(report),
            "manifest": lambda: report_json(
                manifest_of(report, options.files, without=[options.manifest]).to_dict(key=key)
            ),
        },
        scanned=report.every_path,
    )
    print_report(report, quiet=general_options().quiet)
    for problem in problems:
        complain(f"scalegmn scan: error: {problem}; the verdicts above hold")
    if journal is not None and options.journal is None and not problems:
        remove_journal(journal)
    return _UNWRITTEN if problems else code


@final
@dataclass(frozen=True)
class FailOn:
    """What makes the exit code other than 0.

    Attributes:
        verdicts: these verdicts.
        skipped: files that were not looked at.
    """

    verdicts: tuple[Verdict, ...]
    skipped: bool

    def code(self, report: ScanReport) -> int:
        """The exit code of a scan; files that were not looked at count as those with abstentions."""
        code = EXIT_CODES[failing(report, self.verdicts)]
        return EXIT_CODES[Verdict.abstain] if not code and self.skipped and report.skipped else code


def fail_on(text: str) -> FailOn:
    """What an option such as ``suspect,error`` names.

    Raises:
        ConfigurationError: a word is none of them.
    """
    words = [] if text.strip() == _NONE else [word.strip() for word in text.split(",")]
    known = {verdict.value: verdict for verdict in Verdict if verdict is not Verdict.clean}
    wrong = [word for word in words if word not in known and word != _SKIPPED]
    if wrong:
        raise ConfigurationError(
            f"--fail-on {text!r}: {wrong[0]!r} is none of {', '.join(known)}, {_SKIPPED}; join them by "
            "commas, or say none"
        )
    return FailOn(tuple(known[word] for word in words if word in known), _SKIPPED in words)


def _settings(options: Namespace) -> ScanSettings:
    return ScanSettings(
        fpr=options.fpr,
        prior=options.prior,
        activation=options.activation,
        explain=options.explain,
        batch_size=options.batch_size,
        max_bytes=options.max_bytes,
    )
