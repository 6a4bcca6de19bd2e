from __future__ import annotations

import contextlib
import enum
import os
from pathlib import Path

import pytest

import scalegmn.cli
from scalegmn.cli.exit_codes import USAGE
from scalegmn.cli.main import COMMANDS, main
from scalegmn.cli.parsers import CommandParser

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


class Fruit(enum.Enum):
    apple = "apple"


def test_help_shows_types_and_values_as_words() -> None:
    parser = CommandParser()
    parser.add_argument("file", type=Path, help="a file")
    parser.add_argument("--fruits", type=tuple[Fruit, ...], default=(Fruit.apple,), help="to eat")
    text = " ".join(parser.format_help().split())
    assert "a file (required, type: Path)" in text
    assert "type: tuple[Fruit, ...], default: (apple,)" in text


@pytest.mark.slow
@pytest.mark.parametrize("command", ["compare", "scan"])
def test_help_of_commands_has_nothing_of_python(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert "--extension" in text and "<" not in text
