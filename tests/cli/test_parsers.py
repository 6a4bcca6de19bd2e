from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

import scalegmn.cli
from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.main import COMMANDS, main

# Red letters, a cleared screen, a forged line, a turned direction of writing.
EVIL = "\x1b[31mred\x1b[2J\rclean\nerror: forged\u202e"
NO_TEXT = os.fsdecode(b"\xff")


def usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The last line of what a command says; all of it must be fit for a terminal."""
    assert main(arguments) == USAGE
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\nerror: forged" not in text
    return captured.err.splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_words_of_the_command_line_are_escaped(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    usage_error([command, EVIL, f"--{EVIL}", f"--{EVIL}{NO_TEXT}=1", EVIL + NO_TEXT], capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan", "a", "--detector", "b", "--fpr", EVIL],
        ["scan", "a", "--detector", "b", "--explain", EVIL],
        ["make", EVIL],
        ["make", "inrs", "--output", "a", f"--{EVIL}"],
        ["predict", "a", "b", "--batch-size", EVIL],
        ["info", "a", "--format", EVIL],
        [EVIL],
    ],
)
def test_values_are_escaped_and_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert r"\x1b[31mred\x1b[2J" in usage_error(arguments, capsys).replace("\\\\", "\\")


def test_a_long_value_is_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    line = usage_error(["scan", "a", "--detector", "b", "--fpr", "x" * 100_000], capsys)
    assert len(line) < 2100 and "characters" in line


def test_every_command_has_this_parser() -> None:
    folder = Path(scalegmn.cli.__file__).parent
    plain = [path.name for path in folder.rglob("*.py") if "= ArgumentParser(" in path.read_text("utf-8")]
    assert plain == []


@pytest.mark.parametrize("command", [["scan"], ["make", "inrs"], ["train"], ["compare"]])
def test_help_shows_types_as_words(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main([*command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "type: Path" in text or command == ["compare"]
    assert "<" not in text.replace("<name>", "")
