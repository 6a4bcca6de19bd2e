from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalegmn.csv_text import csv_cell, csv_text, original_cell
from scalegmn.populations import escape_formulas, unescape_formulas

SOURCE = Path(__file__).parents[1] / "src" / "scalegmn"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "'=1",
        "''=1",
        "-",
        "-inf",
        "+-1",
    ],
)
def test_formulas_become_texts_and_come_back(text: str) -> None:
    assert csv_cell(text) == f"'{text}"
    assert original_cell(csv_cell(text)) == text


@pytest.mark.parametrize(
    "value", [-1.5, -1, 1e-3, "-1.5", "2", "-1e-3", "-.5", "plain", "a=b", "'quoted'", "'", "", None, True]
)
def test_numbers_and_plain_texts_stay(value: object) -> None:
    assert csv_cell(value) is value


@given(text=st.text(alphabet="'=+-@\t\r\n＝a1.e", max_size=8))
def test_law(text: str) -> None:
    written = csv_cell(text)
    assert original_cell(written) == text
    if written.startswith(DANGEROUS):
        float(written)  # a number


def test_rows_and_arrow_tables() -> None:
    rows = [("name", "=x"), ("=HYPERLINK(1)", -1.5), ("-1.5", 2)]
    read = list(csv.reader(io.StringIO(csv_text(rows))))
    assert read == [["name", "'=x"], ["'=HYPERLINK(1)", "-1.5"], ["-1.5", "2"]]
    table = pa.table({"=a": ["=1", None, "-1", "'+x"], "b": [1.5, -2.0, None, 0.0]})
    written = escape_formulas(table)
    assert written.column_names == ["'=a", "b"]
    assert written["'=a"].to_pylist() == ["'=1", None, "'-1", "''+x"]
    assert unescape_formulas(written).equals(table)


@pytest.mark.slow
def test_every_writer_of_csv_goes_through_it() -> None:
    for path in SOURCE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
        writes = [
            node
            for node in found
            if node.attr in ("writer", "DictWriter", "write_csv") and ast.unparse(node.value).endswith("csv")
        ]
        assert not writes or "csv_cell" in source or "escape_formulas(" in source, path
