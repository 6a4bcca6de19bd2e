"""One side of the race of `public_code.py`, in a process of its own; needs nothing but what that side needs.

    python public_code_side.py public RECORD.jsonl FOLDER ARGUMENT ...
    python public_code_side.py ours RECORD.jsonl ARGUMENT ...

`public` runs `inr_classification.py` of FOLDER as the user would, and writes what that logs, each with the
time.  `ours` runs `scalegmn train`.  The last line of RECORD.jsonl is the seconds and the peak memory of the
process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import resource
import runpy
import sys
import time
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

LOGGER = "wandb"
# What the public code imports for other experiments than this one and never calls here.
OTHERS = ("cv2", "einops", "nfn", "pandas", "rff", "torchvision")


class Absent:
    """Stands where something of a package would be that is not installed."""

    place = "something"

    def __init__(self, *args: object, **options: object) -> None:
        raise ImportError(
            f"{self.place} is called, but its package is not installed; install it, or give "
            "--python of an environment that has it"
        )


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets packages be imported that are not there; asked after all others."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name.partition(".")[0] not in self._names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)

        def missing(name: str) -> object:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (Absent,), {"place": f"{spec.name}.{name}"})

        module.__getattr__ = missing  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing to run."""


def recording_logger(record: IO[str]) -> types.ModuleType:
    """A module in the place of Weights & Biases that writes plain numbers into a file and sends nothing."""
    module = types.ModuleType(LOGGER)

    def log(entries: Mapping[str, Any], *args: object, **options: object) -> None:
        numbers = {}
        for name, value in entries.items():
            try:
                numbers[name] = float(value)
            except (TypeError, ValueError):
                continue
        record.write(json.dumps({"seconds": time.perf_counter(), **numbers}) + "\n")
        record.flush()

    module.init = lambda *args, **options: None  # type: ignore[attr-defined]
    module.log = log  # type: ignore[attr-defined]
    module.plot = types.SimpleNamespace(confusion_matrix=lambda **options: None)  # type: ignore[attr-defined]
    return module


def accept_verbose() -> None:
    """Let schedulers of newer PyTorch take the argument `verbose`, which the public code still gives."""
    from torch.optim.lr_scheduler import LRScheduler

    if "verbose" in inspect.signature(LRScheduler.__init__).parameters:
        return
    plain = LRScheduler.__init__

    def start(self: Any, optimizer: Any, last_epoch: int = -1, verbose: object = None) -> None:
        plain(self, optimizer, last_epoch)

    LRScheduler.__init__ = start  # type: ignore[assignment, method-assign]


def run_public(folder: Path, arguments: Sequence[str], record: IO[str]) -> None:
    """Run the script of the public code."""
    sys.modules[LOGGER] = recording_logger(record)
    sys.meta_path.append(StandIns(OTHERS))
    accept_verbose()
    os.chdir(folder)
    # Its modules are called src.scalegmn, and a repository of ours on the path would have the name.
    others = (entry for entry in sys.path if not (Path(entry) / "src" / "scalegmn" / "__init__.py").is_file())
    sys.path[:] = [str(folder), *others]
    sys.argv = ["inr_classification.py", *arguments]
    runpy.run_path(str(folder / "inr_classification.py"), run_name="__main__")


def run_ours(arguments: Sequence[str]) -> int:
    """Run `scalegmn train`."""
    from scalegmn.cli.main import main

    return main(["train", *arguments])


def main(argv: Sequence[str]) -> int:
    """Run one side, and write how long it took and how much memory."""
    side, place, *rest = argv
    begun, code = time.perf_counter(), 0
    with Path(place).open("w", encoding="utf-8") as record:
        if side == "public":
            run_public(Path(rest[0]).resolve(), rest[1:], record)
        else:
            code = run_ours(rest)
        peak = resource.getrusage(resource.RUSAGE_SELF)
        whole = {
            "process_seconds": time.perf_counter() - begun,
            "processor_seconds": peak.ru_utime + peak.ru_stime,
            # Linux counts in KiB, macOS in bytes.
            "peak_mib": peak.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        }
        record.write(json.dumps(whole) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
