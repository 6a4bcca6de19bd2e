from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from scalegmn.checkpoints import write_state
from scalegmn.cli import main as main_module
from scalegmn.cli import output
from scalegmn.cli.exit_codes import OK, USAGE
from scalegmn.cli.general_options import GeneralOptions, general_options, shows_progress, under
from scalegmn.cli.main import main
from scalegmn.cli.terminal import console
from scalegmn.errors import ConfigurationError


def running(monkeypatch: pytest.MonkeyPatch, work: Callable[[list[str]], int]) -> None:
    """Let every command do this."""

    class Command:
        @staticmethod
        def run(argv: list[str]) -> int:
            return work(argv)

    monkeypatch.setattr(main_module.importlib, "import_module", lambda name: Command)


@pytest.mark.parametrize(
    ("words", "found", "rest"),
    [
        ("scan x", GeneralOptions(), "scan x"),
        ("-q scan x", GeneralOptions(quiet=True), "scan x"),
        ("scan x --quiet --json -", GeneralOptions(quiet=True, prints_report=True), "scan x --json -"),
        ("scan -v x --sarif=-", GeneralOptions(verbose=True, prints_report=True), "scan x --sarif=-"),
        ("scan --json file - x", GeneralOptions(), "scan --json file - x"),
        ("scan --debug x", GeneralOptions(verbose=True), "scan x"),
        ("scan -- -q -v", GeneralOptions(), "scan -- -q -v"),
        ("--extension a:b scan --extension=c:d", GeneralOptions(extensions=("a:b", "c:d")), "scan"),
    ],
)
def test_general_options_stand_anywhere(words: str, found: GeneralOptions, rest: str) -> None:
    assert GeneralOptions.taken_from(words.split()) == (found, rest.split())


def test_quiet_and_verbose_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="both given"):
        GeneralOptions(quiet=True, verbose=True)
    assert main(["info", "x", "-q", "-v"]) == USAGE
    assert "--quiet and --verbose were both given; leave one out" in capsys.readouterr().err


def test_they_hold_while_a_command_runs() -> None:
    assert shows_progress()
    with under(GeneralOptions(quiet=True)):
        assert general_options().quiet and not shows_progress()
    assert not general_options().quiet


def speak(argv: list[str]) -> int:
    output.say("result")
    console().print("table")
    output.tell("remark")
    output.complain("scalegmn: warning: caution")
    if general_options().prints_report:
        output.say_report("{}\n")
    return OK


@pytest.mark.parametrize(
    ("words", "out", "error"),
    [
        ("", "result\ntable\n", "remark\nscalegmn: warning: caution\n"),
        ("-q", "result\ntable\n", "scalegmn: warning: caution\n"),
        ("--json -", "{}\n", "result\ntable\nremark\nscalegmn: warning: caution\n"),
        ("--json - -q", "{}\n", "scalegmn: warning: caution\n"),
    ],
)
def test_results_remarks_and_reports_have_their_streams(
    words: str, out: str, error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running(monkeypatch, speak)
    assert main(["info", *words.split()]) == OK
    assert capsys.readouterr() == (out, error)


def test_verbose_tells_the_log_with_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(argv: list[str]) -> int:
        logging.getLogger("scalegmn.checkpoints._reading").debug("read %s", "a\x1b[31m.pt")
        sys.stderr.write(warnings.formatwarning("caution", UserWarning, "place.py", 3))
        return OK

    running(monkeypatch, work)
    assert main(["info", "-v"]) == OK
    lines = capsys.readouterr().err.splitlines()
    assert "loaded the command info" in lines[0] and " s  " in lines[0]
    assert lines[1].endswith("checkpoints: read a\\x1b[31m.pt")
    assert lines[2] == "scalegmn: warning: caution (UserWarning, place.py:3)"
    assert lines[3].endswith("done")
    logger = logging.getLogger("scalegmn")
    assert not logger.handlers and logger.level == logging.NOTSET


def test_without_verbose_there_is_no_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(argv: list[str]) -> int:
        logging.getLogger("scalegmn.checkpoints._reading").debug("read")
        return OK

    running(monkeypatch, work)
    assert main(["info"]) == OK
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.safetensors"
        write_state(path, {"0.weight": torch.ones(3, 2), "2.weight": torch.ones(1, 3)})
        paths.append(str(path))
    return paths


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["models", "configs", "info A", "same A B --activation relu", "diff A B --activation relu"],
)
def test_json_has_the_standard_output_for_itself(
    command: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [{"A": files[0], "B": files[1]}.get(word, word) for word in command.split()]
    assert main([*words, "--json", "-"]) == OK
    out, error = capsys.readouterr()
    found = json.loads(out)
    assert found and error
    target = tmp_path / "found.json"
    assert main([*words, "--json", str(target), "-q"]) == OK
    assert json.loads(target.read_text(encoding="utf-8")) == found
    out, error = capsys.readouterr()
    assert out and not error
    assert main([*words, "--json", str(target)]) == USAGE
    assert "exists and was left alone" in capsys.readouterr().err
