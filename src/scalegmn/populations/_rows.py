"""Random rows of large files of numbers, without the process growing.

A mapped file gives rows without a loop in Python, but every page that is touched counts as memory of the
process until it is unmapped, and where the kernel keeps the file in large pieces, a row of a few kilobytes
maps up to two of 2 MiB.  So a mapping lives for a limited number of rows.  What was read stays in the
kernel's cache, where it is nobody's memory, and mapping again costs microseconds.

Left alone, the kernel reads megabytes around every row, or, told that access is random, one page after the
other.  It is told which ranges will be needed instead, and fetches just those, all at once.
"""

from __future__ import annotations

import itertools
import mmap
import os
import sys
from pathlib import Path
from typing import Final

import numpy as np

from scalegmn.errors import PopulationError
from scalegmn.populations._format import DTYPE

# What a run of consecutive rows can map besides itself: the rest of the large pages at its two ends.
_AROUND: Final = 4 * 1024**2
# How much may be mapped at a time.
_BUDGET: Final = 256 * 1024**2


def gather_rows(path: Path, width: int, rows: np.ndarray, *, budget: int = _BUDGET) -> np.ndarray:
    """A copy of rows of a raw float32 file, in the order given.

    Args:
        path: the file.
        width: numbers in a row.
        rows: indices of the rows, ``(n,)`` int64, from 0.
        budget: bytes that may be mapped at a time.

    Returns:
        ``(n, width)`` float32.

    Raises:
        PopulationError: the file cannot be opened, or ends before a row that was asked for.
    """
    out = np.empty((len(rows), width), DTYPE)
    # From front to back: neighbors are found together, and disks like it.
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts_run = np.ones(len(rows), bool)
    np.greater(np.diff(ordered), 1, out=starts_run[1:])
    part_of = np.cumsum(starts_run * _AROUND + width * DTYPE.itemsize) // budget
    cuts = [0, *(np.flatnonzero(np.diff(part_of)) + 1).tolist(), len(rows)]
    try:
        with path.open("rb") as file:
            for start, stop in itertools.pairwise(cuts):
                if start < stop:
                    out[order[start:stop]] = _gather_part(file.fileno(), width, ordered[start:stop])
    except (OSError, ValueError, IndexError) as error:
        raise PopulationError(
            f"{path}: cannot read networks {rows.min()} to {rows.max()} of this file ({error}); it was "
            "removed or truncated after the population was opened; restore it or make the population again"
        ) from error
    return out


def _gather_part(descriptor: int, width: int, rows: np.ndarray) -> np.ndarray:
    """Sorted rows of an open file by one mapping."""
    size = width * DTYPE.itemsize
    _announce(descriptor, size, rows)
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
        if sys.platform == "linux":
            mapped.madvise(mmap.MADV_RANDOM)
        # The view must be gone before the mapping is closed, also when a row lies behind the end.
        view = np.frombuffer(mapped, DTYPE, count=len(mapped) // size * width).reshape(-1, width)
        try:
            return view[rows]
        finally:
            del view


def _announce(descriptor: int, size: int, rows: np.ndarray) -> None:
    """Tell the kernel which parts of the file will be read: one call per run of consecutive rows."""
    if sys.platform != "linux":
        return
    first = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) > 1)
    last = np.append(first[1:], len(rows)) - 1
    offsets = rows[first] * size
    lengths = (rows[last] + 1) * size - offsets
    for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)
