"""Figures of speed that were measured before, and what has become much slower since.

`recorded.json` holds, for each way of running ("cpu float32, batches of 16") and each setting, how many times
as fast as the plain formula beside it the model was, with the machine and the date.  These ratios, unlike
seconds, may be compared between machines, roughly: what counts as a fall is less than half.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).with_name("recorded.json")
KINDS = ("training", "inference")
LEAST = 0.5

Times = Mapping[str, float]
"""By kind: how many times as fast as the plain formula."""


def machine() -> str:
    """The processor and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = names[0].split(":", 1)[1].strip() if names else name
    return f"{name}, {os.cpu_count()} cores"


def facts() -> dict[str, str]:
    """Where and when something is measured."""
    return {"machine": machine(), "date": datetime.date.today().isoformat()}


def read(path: Path = FILE) -> dict[str, dict[str, dict[str, float | str]]]:
    """Way of running -> setting -> figures; empty where nothing was ever recorded."""
    found: dict[str, dict[str, dict[str, float | str]]] = {}
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    return found


def record(way: str, found: Mapping[str, Times], *, path: Path = FILE) -> None:
    """Write the figures of some settings; those of other settings and ways stay as they are."""
    known = read(path)
    now = facts()
    for name, times in found.items():
        figures = {kind: round(times[kind], 3) for kind in KINDS}
        known.setdefault(way, {})[name] = {**figures, **now}
    path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def falls(way: str, found: Mapping[str, Times], *, path: Path = FILE) -> list[str]:
    """One line for every figure under half of the recorded one, and for every one without a record."""
    known = read(path).get(way, {})
    lines = []
    for name, times in found.items():
        if name not in known:
            lines.append(f"{name}: nothing is recorded for {way}; --record writes {path.name}")
            continue
        for kind in KINDS:
            before, now = float(known[name][kind]), times[kind]
            # Written this way round, so that a figure that is no number falls too.
            if not now >= LEAST * before:
                lines.append(
                    f"{name}: {kind} is {now:.2f} times as fast as the plain formula, under half of the "
                    f"{before:.2f} recorded {known[name]['date']} on {known[name]['machine']}"
                )
    return lines
