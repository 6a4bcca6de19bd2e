from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.training import check_row_file, write_rows

ROWS = [
    {"id": 0, "file": "=HYPERLINK(1)", "error": "cannot be read"},
    {"id": 1, "file": "b", "value": -0.5, "probabilities": {"cat": 0.25, "dog": 0.75}, "notes": ["x", "y"]},
    {"id": 2, "file": "c", "value": None, "probabilities": {"cat": 1, "dog": 0.0}, "notes": []},
]


def test_csv(tmp_path: Path) -> None:
    write_rows(tmp_path / "new" / "rows.csv", ROWS)
    with (tmp_path / "new" / "rows.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == [
        "id",
        "file",
        "value",
        "probabilities.cat",
        "probabilities.dog",
        "notes",
        "error",
    ]
    assert [row["file"] for row in found] == ["'=HYPERLINK(1)", "b", "c"]
    assert [row["value"] for row in found] == ["", "-0.5", ""]
    assert found[1]["notes"] == "x; y" and found[0]["error"] == "cannot be read"


def test_parquet(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", ROWS)
    found = pq.ParquetFile(tmp_path / "rows.parquet").read().to_pydict()
    assert found["value"] == [None, -0.5, None]
    assert found["probabilities.cat"] == [None, 0.25, 1.0]
    assert found["error"] == ["cannot be read", None, None]
    assert found["file"][0] == "=HYPERLINK(1)"


def test_json(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.json", ROWS)
    assert json.loads((tmp_path / "rows.json").read_text()) == ROWS


def test_no_rows_and_mixed_types(tmp_path: Path) -> None:
    for suffix in ("csv", "parquet", "json"):
        write_rows(tmp_path / f"none.{suffix}", [])
    write_rows(tmp_path / "mixed.parquet", [{"true": 1}, {"true": "word"}])
    assert pq.ParquetFile(tmp_path / "mixed.parquet").read().to_pydict() == {"true": ["1", "word"]}


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    for name in ("rows.xlsx", "rows"):
        with pytest.raises(ConfigurationError, match="parquet"):
            check_row_file(tmp_path / name)
