from __future__ import annotations

import io
import sys

import pytest

from scalegmn.cli.tables import print_tables
from scalegmn.cli.terminal import console
from scalegmn.reports import ResultTable
from scalegmn.training import Table

WIDE = Table(
    "Figures",
    ("file", *(f"figure number {number}" for number in range(40))),
    (("a/very/long/path" * 20, *(number + 0.1234 for number in range(40))),),
)


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TERM"):
        monkeypatch.delenv(name, raising=False)


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def letters(text: str) -> str:
    """Without frames and line breaks: what is folded reads column by column, so letters are counted."""
    return "".join(sorted(letter for letter in text if letter.isalnum()))


def everything(table: Table) -> str:
    cells = [table.title, *table.columns]
    cells += [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for row in table.rows for cell in row]
    return letters("".join(cells))


def test_without_a_terminal_rows_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables([WIDE])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    row = lines[4]
    assert WIDE.rows[0][0] in row
    assert all(f"{number + 0.1234:.4f}" in row for number in range(40))


@pytest.mark.parametrize("columns", ["300", "1000"])
def test_columns_set_the_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    print_tables([WIDE])
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= int(columns)
    assert letters(printed) == everything(WIDE)


@pytest.mark.parametrize("columns", ["0", "-3", "wide", ""])
def test_columns_that_are_no_width_do_nothing(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    print_tables([WIDE])
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_narrow_terminals_lose_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    shown = terminal(monkeypatch)
    table = Table("Figures", ("file", "a", "b", "c"), (("some/file.pt", 0.1234, 1234567.25, 0.9876),))
    print_tables([table])
    assert max(map(len, shown.getvalue().splitlines())) <= 40
    assert letters(shown.getvalue()) == everything(table)


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = terminal(monkeypatch)
    console().print("[red]word[/red]")
    assert "\x1b[31m" in shown.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    shown = terminal(monkeypatch)
    console().print("[red]word[/red]")
    assert "\x1b[3" not in shown.getvalue()


@pytest.mark.parametrize("name", ["[red]x[/red].pt", ":bomb:.pt", "x[/].pt", "back\\"])
def test_names_are_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_tables([Table(name, ("file", name), ((name, name),))])
    console().print(ResultTable((name,), ((name,),), name).to_rich())
    assert capsys.readouterr().out.count(name) == 7


def test_closed_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_tables([WIDE])


def test_words_stand_to_the_left_and_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    rows = (("0", "/files/a.pth", "16 x 2", 0.5, "-"), ("1", "b.pth", "1 x 16", 12.25, -1.0))
    print_tables([Table("Mixed", ("id", "name of file", "a shape", "figure", "bound"), rows)])
    first, second = capsys.readouterr().out.splitlines()[4:6]
    assert "│ /files/a.pth │" in first and "│ b.pth        │" in second
    assert "│  16 x 2 │" in first and "│  1 x 16 │" in second
    assert "│  0.5000 │" in first and "│       - │" in first
