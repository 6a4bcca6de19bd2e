"""Whether all machines of a cluster run the same library."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable, Mapping

import torch

from scalegmn import __version__
from scalegmn.printable import printable


def versions_here() -> dict[str, str]:
    """What decides the results of a piece of work, beside the kind of processor."""
    return {
        "scalegmn": __version__,
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version().rpartition(".")[0],
    }


def questioner() -> Callable[[], dict[str, str]]:
    """A function that asks another machine for its versions; none where this library is not installed.

    It has no name, so that its code is sent, and not the name of a module to import.
    """
    return lambda: (
        importlib.import_module("scalegmn.workers._versions").versions_here()
        if importlib.util.find_spec("scalegmn") and importlib.util.find_spec("scalegmn.workers")
        else {}
    )


def difference(there: Mapping[str, str], *, wanted: Mapping[str, str], machine: str) -> str | None:
    """What is to be said about a machine with other versions; None where they are the same.

    Args:
        there: versions of that machine.
        wanted: versions of the machine where the work was begun.
        machine: its name.
    """
    for package, version in wanted.items():
        if package not in there:
            return (
                f"the worker {printable(machine)} cannot import {package}; install {package}=={version} there"
            )
        if there[package] != version:
            return (
                f"the worker {printable(machine)} has {package} {printable(there[package])}, and the machine "
                f"where the work was begun has {version}; install the same version on all machines"
            )
    return None
