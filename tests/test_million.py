"""The dry run of a million networks, with a few."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import numpy as np
import pytest

from scalegmn.populations import Population
from scalegmn.populations._store import _offsets

ROOT = Path(__file__).parents[1]


def test_every_step_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    million = importlib.import_module("benchmarks.million")
    monkeypatch.setattr(million, "BATCHES", 2)
    given = {"networks": 50, "shard": 8, "widths": [2, 2, 1], "architectures": 3, "batch": 4}
    options = argparse.Namespace(**given, folder=tmp_path / "p")
    for step in million.STEPS:
        options.only = step
        assert million.measure(options)["seconds"] >= 0
    assert len(Population.open(options.folder)) == 50
    assert set(million.sizes(options.folder)) == {"index.json", "metadata.parquet", "*.f32"}


def test_where_segments_begin() -> None:
    """As counted one by one."""
    rng = np.random.default_rng(0)
    rows, owner = rng.integers(1, 9, 40), rng.integers(0, 5, 40)
    filled = dict.fromkeys(range(5), 0)
    expected = []
    for count, number in zip(rows.tolist(), owner.tolist(), strict=True):
        expected.append(filled[number])
        filled[number] += count
    assert _offsets(rows, owner).tolist() == expected
    assert _offsets(rows[:0], owner[:0]).size == 0
