"""Numbers about tensors and columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from scalegmn.reports import ResultTable

PARAMETER_COLUMNS = ("parameter", "shape", "mean", "deviation", "smallest", "largest")
# A column with more different values than this is described by its range.
_FEW = 12


def parameter_row(name: str, shape: tuple[int, ...], values: Tensor) -> tuple[str, ...]:
    """One row of a table of parameters."""
    numbers = values.detach().double()
    size = " x ".join(map(str, shape)) or "one number"
    if not numbers.numel():
        return (name, size, "", "", "", "")
    figures = (numbers.mean(), numbers.std(correction=0), numbers.min(), numbers.max())
    return (name, size, *(f"{float(figure):.4g}" for figure in figures))


def column_row(name: str, values: np.ndarray) -> tuple[str, ...]:
    """Name, kind of values and what there is, of one column of metadata."""
    distinct, counts = np.unique(values.astype(str) if values.dtype == object else values, return_counts=True)
    kind = "text" if values.dtype.kind in "OUS" else str(values.dtype)
    if len(distinct) <= _FEW and values.dtype.kind != "f":
        content = ", ".join(f"{value}: {count}" for value, count in zip(distinct, counts, strict=True))
    elif values.dtype.kind in "fiu":
        middle = f", mean {values.mean():.4g}" if values.dtype.kind == "f" else ""
        content = f"{distinct[0]:.6g} to {distinct[-1]:.6g}{middle}, {len(distinct)} different values"
    else:
        content = f"{distinct[0]} ... {distinct[-1]}, {len(distinct)} different values"
    return (name, kind, content)


def facts_table(title: str, facts: dict[str, object]) -> ResultTable:
    """A table of two columns; entries that are None are left out."""
    rows = [(name, str(value)) for name, value in facts.items() if value is not None]
    return ResultTable(("", "value"), tuple(rows), title, words=True)


def flat(data: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested mappings as one, with dots between names; None becomes the word."""
    found: dict[str, object] = {}
    for name, value in data.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = "none" if value is None else value
    return found
