"""Rows of large files: the same in one mapping or in many, and never more mapped than the budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.errors import PopulationError
from scalegmn.populations import _rows as module
from scalegmn.populations._rows import gather_rows

WIDTH = 7
MIB = 1024**2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.f32"
    np.arange(5000 * WIDTH, dtype="<f4").tofile(path)
    return path


@pytest.mark.parametrize("budget", [1, 4 * MIB, 12 * MIB, 256 * MIB])
@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_rows_do_not_depend_on_the_budget(path: Path, budget: int, count: int) -> None:
    rows = np.random.default_rng(count).integers(0, 5000, count)
    expected = np.arange(5000 * WIDTH, dtype="<f4").reshape(-1, WIDTH)[rows]
    np.testing.assert_array_equal(gather_rows(path, WIDTH, rows, budget=budget), expected)


def test_scattered_rows_are_mapped_a_few_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Every scattered row may map two large pages of 2 MiB besides itself.
    parts: list[np.ndarray] = []
    original = module._gather_part
    monkeypatch.setattr(
        module, "_gather_part", lambda file, width, rows: parts.append(rows) or original(file, width, rows)
    )
    rows = np.arange(0, 5000, 10)[::-1]
    gather_rows(path, WIDTH, rows, budget=64 * MIB)
    assert max(len(part) for part in parts) <= 16
    assert np.concatenate(parts).tolist() == sorted(rows.tolist())
    parts.clear()
    gather_rows(path, WIDTH, np.arange(5000), budget=64 * MIB)
    assert len(parts) == 1, "consecutive rows are one run and need no more than one mapping"


def test_missing_rows(path: Path) -> None:
    with pytest.raises(PopulationError, match="networks 3 to 5000 of this file"):
        gather_rows(path, WIDTH, np.array([3, 5000]))
    with pytest.raises(PopulationError, match="restore it or make the population again"):
        gather_rows(path.with_name("other"), WIDTH, np.array([3]))
