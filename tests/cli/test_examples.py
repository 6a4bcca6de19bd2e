from __future__ import annotations

import importlib
import shlex

import pytest

from scalegmn.cli import making
from scalegmn.cli.exit_codes import OK
from scalegmn.cli.general_options import GeneralOptions
from scalegmn.cli.main import COMMANDS, main
from scalegmn.cli.make import KINDS
from scalegmn.comparison import parse_comparison
from scalegmn.training import parse_config

PLACES = {
    **{name: f"scalegmn.cli.{module}" for name, module in COMMANDS.items()},
    **{f"make {name}": module.__name__ for name, module in KINDS.items()},
}
"""Commands, and commands of commands, and where they live."""


def examples_of(name: str) -> tuple[str, ...]:
    return tuple(importlib.import_module(PLACES[name]).EXAMPLES)


def mistakes(example: str) -> list[str]:
    """What the real parser of its command says about an example; nothing is done."""
    program, name, *words = shlex.split(example.partition(" > ")[0], comments=True)
    assert program == "scalegmn"
    _, words = GeneralOptions.taken_from(words)
    if name == "train":
        return parse_config(words)[1]
    if name == "compare":
        return parse_comparison(words)[1]
    importlib.import_module(PLACES[name]).build_parser().parse_args(words)
    return []


def test_kinds_of_networks_are_commands_too() -> None:
    assert set(KINDS) == {"inrs", "cnns", "classifiers", "trojans"}
    assert all(place.startswith(making.__name__) for name, place in PLACES.items() if name[:5] == "make ")


@pytest.mark.parametrize("name", PLACES)
def test_examples_are_understood(name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    found = examples_of(name)
    assert len(found) == 2
    for example in found:
        assert example.startswith(f"scalegmn {name} ") and " # " in example
        assert len(example.partition(" # ")[0]) < 100
        if "mine.yaml" not in example or name == "configs":
            assert mistakes(example) == []


@pytest.mark.parametrize("name", PLACES)
def test_help_begins_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "examples:"
    commands = [example.partition(" # ")[0].strip() for example in examples_of(name)]
    assert [line.strip() for line in lines[2:5:2]] == commands
    assert any(line.startswith("usage: scalegmn") for line in lines)
    text = "\n".join(lines)
    assert "-q, --quiet" in text and "-v, --verbose" in text


@pytest.mark.parametrize("example", ["scalegmn scan --what # no", "scalegmn train --modle.layers 3 # no"])
def test_wrong_examples_are_noticed(example: str) -> None:
    try:
        assert mistakes(example)
    except SystemExit as stop:
        assert stop.code == 2
