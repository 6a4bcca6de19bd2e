"""``scalegmn doctor``: what is installed here, what is missing, and what to do about it.

It must work where nothing else does, so it needs none of the packages that it looks for.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, final

from scalegmn import __version__
from scalegmn.cli.diagnosis.devices import devices
from scalegmn.cli.diagnosis.distributions import extras, needed_packages
from scalegmn.cli.diagnosis.findings import Finding, Health
from scalegmn.cli.exit_codes import NEGATIVE, OK, USAGE
from scalegmn.cli.general_options import STANDARD_OUTPUT, add_general_options
from scalegmn.cli.help_texts import with_examples
from scalegmn.cli.output import complain, say, say_report, tell
from scalegmn.disk import create_file
from scalegmn.errors import ConfigurationError
from scalegmn.printable import printable

HELP = "say what is installed, which extras are missing, and which devices and folders there are"

EXAMPLES: Final = (
    "scalegmn doctor # is everything there that scalegmn needs?",
    "scalegmn doctor --json - # for a program, or to go with a report of a fault",
)

_ABOUT: Final = (
    f"{HELP.capitalize()}. Exit codes: 0 everything that scalegmn needs works, 1 something does not. What is "
    "merely missing, such as an extra or a GPU, is no fault."
)


@final
class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        complain(f"{self.prog}: error: {printable(message)}; see {self.prog} --help")
        raise SystemExit(USAGE)

    def format_help(self) -> str:
        return with_examples(super().format_help(), EXAMPLES)


def build_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = _Parser(prog="scalegmn doctor", description=_ABOUT, allow_abbrev=False)
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the findings as JSON into this file, which must be new; - prints them, and everything "
        "else goes to the standard error stream",
    )
    add_general_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Look at everything, and print one line for each thing."""
    options = build_parser().parse_args(list(argv))
    target: Path | None = options.json
    printed = str(target) == STANDARD_OUTPUT
    if target is not None and not printed and target.exists():
        raise ConfigurationError(f"{target}: exists and was left alone; choose another name")
    parts = {title: looked() for title, looked in _parts().items()}
    say(_machine())
    for title, findings in parts.items():
        _print(title, findings)
    wrong = [finding for findings in parts.values() for finding in findings if finding.state is Health.wrong]
    say(_verdict(wrong))
    if target is not None:
        found = {title: [finding.to_dict() for finding in findings] for title, findings in parts.items()}
        text = json.dumps({**_facts(), "works": not wrong, **found}, indent=2)
        if printed:
            say_report(text)
        else:
            create_file(target, f"{text}\n".encode())
            tell(f"the findings as JSON are in {target}")
    return NEGATIVE if wrong else OK


def _parts() -> dict[str, Callable[[], list[Finding]]]:
    return {
        "needed packages": needed_packages,
        "extras": extras,
        "devices": devices,
        "folders": _folders,
        "models that come with scalegmn": _models,
    }


def _folders() -> list[Finding]:
    if (absent := _without_needed()) is not None:
        return [absent]
    # What it imports may be missing.
    from scalegmn.cli.diagnosis.folders import folders

    return folders()


def _models() -> list[Finding]:
    if (absent := _without_needed()) is not None:
        return [absent]
    from scalegmn.cli.diagnosis.folders import models

    return models()


def _without_needed() -> Finding | None:
    """What is in the way of looking further."""
    lacking = [one.name for one in needed_packages() if one.state is Health.wrong]
    if not lacking:
        return None
    return Finding("all", Health.absent, f"not looked at, since {', '.join(lacking)} must be there first")


def _facts() -> dict[str, str]:
    return {
        "scalegmn": __version__,
        "folder": str(Path(__file__).parents[1]),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
    }


def _machine() -> str:
    facts = _facts()
    return (
        f"scalegmn {facts['scalegmn']} in {facts['folder']}, Python {facts['python']} "
        f"({facts['executable']}) on {facts['platform']}"
    )


def _print(title: str, findings: Sequence[Finding]) -> None:
    say(title)
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        say(f"  {finding.state.value:<7}  {finding.name:<{width}}  {finding.told}")


def _verdict(wrong: Sequence[Finding]) -> str:
    if not wrong:
        return "Everything that scalegmn needs works"
    names = ", ".join(finding.name for finding in wrong)
    return f"{len(wrong)} {'thing does' if len(wrong) == 1 else 'things do'} not work: {names}"
