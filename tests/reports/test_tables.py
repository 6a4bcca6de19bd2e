from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from scalegmn.reports import ResultTable, percent, seconds
from scalegmn.reports._tables import TableError

TABLE = ResultTable(("model", "accuracy"), (("ScaleGMN", "90.0 %"), ("a|b", "5.0 %")), "Results")


def test_markdown_is_aligned_and_escaped() -> None:
    assert TABLE.to_markdown().splitlines() == [
        "**Results**",
        "",
        "| model    | accuracy |",
        "| -------- | -------: |",
        "| ScaleGMN |   90.0 % |",
        r"| a\|b     |    5.0 % |",
    ]


def test_markdown_of_words_is_set_to_the_left() -> None:
    table = ResultTable(("a", "b"), (("x", "words here"),), words=True)
    assert table.to_markdown().splitlines() == [
        "| a   | b          |",
        "| --- | ---------- |",
        "| x   | words here |",
    ]


def test_csv_reads_back() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.to_csv())))
    assert rows == [["model", "accuracy"], ["ScaleGMN", "90.0 %"], ["a|b", "5.0 %"]]


def test_terminal_shows_text_as_it_is() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(ResultTable.from_values(["a", "[bold]"], [["[red]x[/red]", 3]]).to_rich())
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]x[/red]" in text
    assert "[bold]" in text


def test_rows_must_fit() -> None:
    with pytest.raises(TableError, match=r"row 1 .* has 1 cells .*expected 2"):
        ResultTable(("a", "b"), (("1", "2"), ("1",)))


def test_numbers_as_text() -> None:
    assert percent(0.8754) == "87.5 %"
    assert percent(0.8754, (0.84, 0.904)) == "87.5 % (84.0 to 90.4)"
    assert seconds(7.31) == "7.3 s"
    assert seconds(125.2) == "2 min 05 s"
    assert seconds(179.9) == "3 min 00 s"
