"""Which packages are installed, in which versions, and what each extra lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from scalegmn.cli.diagnosis.findings import Finding, Health
from scalegmn.cli.packages import EXTRAS, Requirement, advice, offered_packages


def needed_packages() -> list[Finding]:
    """The packages without which nothing works."""
    needed = {name: one for name, one in offered_packages().items() if not one.extras}
    if not needed:
        told = "no metadata, so that what scalegmn needs is unknown; install it: pip install -e . in a clone"
        return [Finding("scalegmn", Health.wrong, told)]
    return [
        Finding(name, Health.ok if problem is None else Health.wrong, _told(name, one, problem))
        for name, one in needed.items()
        for problem in [_problem(name, one)]
    ]


def extras() -> list[Finding]:
    """Each extra: whether all of it is there, and how to get what is not."""
    offered = offered_packages()
    known = {extra for one in offered.values() for extra in one.extras}
    return [_extra(extra, offered) for extra in EXTRAS if extra in known]


def _extra(extra: str, offered: dict[str, Requirement]) -> Finding:
    # An extra may consist of others of this distribution.
    members = {name: one for name, one in offered.items() if extra in one.extras and name != "scalegmn"}
    lacking = [name for name, one in members.items() if _problem(name, one) is not None]
    if lacking:
        return Finding(extra, Health.absent, advice(lacking))
    return Finding(extra, Health.ok, ", ".join(_versions(members)))


def _versions(names: dict[str, Requirement]) -> Iterator[str]:
    yield from (f"{name} {version(name)}" for name in names)


def _told(name: str, one: Requirement, problem: str | None) -> str:
    return f"{version(name)} ({one.text})" if problem is None else f"{problem}: pip install '{one.text}'"


def _problem(name: str, one: Requirement) -> str | None:
    """Why an installed package does not do."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return "not installed"
    least = re.search(r">=\s*([\d.]+)", one.text)
    if least is not None and _release(found) < _release(least[1]):
        return f"{found} is installed, which is too old"
    return None


def _release(text: str) -> tuple[int, ...]:
    """The numbers of a version; letters behind them, such as those of a release candidate, do not count.

    Zeros at the end are none: 2.0 is 2.
    """
    found = re.match(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
