from __future__ import annotations

import errno
import importlib.util
import subprocess
import sys

import pytest

from scalegmn import __version__
from scalegmn.cli import main as main_module
from scalegmn.cli.exit_codes import DATA, FAILED, INTERRUPTED, OK, USAGE, exit_code_of
from scalegmn.cli.main import COMMANDS, help_line, main
from scalegmn.cli.scan import EXIT_CODES
from scalegmn.errors import ConfigurationError, PopulationError, ScaleGMNError


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every command end with this error."""

    class Module:
        @staticmethod
        def run(argv: list[str]) -> int:
            raise error

    monkeypatch.setattr(main_module.importlib, "import_module", lambda name: Module)


@pytest.mark.parametrize("flag", ["-h", "--help", "help"])
def test_help_names_every_command(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == OK
    text = capsys.readouterr().out
    for name, module in COMMANDS.items():
        assert f"  {name} " in text
        assert help_line(module) in text


def test_help_is_fast() -> None:
    program = (
        "import sys; from scalegmn.cli.main import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'lightning', 'numpy', 'jsonargparse')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == OK
    assert __version__ in capsys.readouterr().out


def test_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == USAGE
    assert "usage: scalegmn COMMAND" in capsys.readouterr().out


def test_unknown_command_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == USAGE
    message = capsys.readouterr().err
    assert "'trian'; did you mean 'train'?" in message
    assert main(["xyzzy"]) == USAGE
    assert "train, evaluate, predict" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("so it is"), USAGE),
        (PopulationError("so it is"), DATA),
        (ScaleGMNError("so it is"), DATA),
    ],
)
def test_expected_errors_are_one_message(
    error: ScaleGMNError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, error)
    assert main(["info"]) == code == exit_code_of(error)
    assert capsys.readouterr().err == "scalegmn: error: so it is\n"


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_debug_shows_where(
    how: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, PopulationError("so it is"))
    if how == "environment":
        monkeypatch.setenv("SCALEGMN_DEBUG", "1")
    assert main(["info", *(["--debug"] if how == "flag" else [])]) == DATA
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["--extension", "some.module:function", "info", "x"],
        ["info", "--extension=some.module:function", "x"],
        ["info", "x", "--extension", "some.module:function"],
    ],
)
def test_extensions_are_loaded_before_the_command(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(main_module, "load_extension", loaded.append)

    def run(arguments: list[str]) -> int:
        assert arguments == ["x"] and loaded == ["some.module:function"]
        return OK

    monkeypatch.setattr("scalegmn.cli.info.run", run)
    assert main(command) == OK


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--extension", "nowhere_to_be_found:register"], "'nowhere_to_be_found:register' cannot be loaded"),
        (["--extension"], "--extension has no value; give package.module:function"),
        (["--extension", "--debug"], "--extension has no value"),
        (["--extension="], "--extension has no value"),
    ],
)
def test_extensions_that_are_none_are_wrong_usage(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", *words]) == USAGE
    assert told in capsys.readouterr().err


def test_interruption_has_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert main(["make"]) == INTERRUPTED


@pytest.mark.parametrize(
    ("stop", "code"), [(SystemExit(0), 0), (SystemExit(2), 2), (SystemExit("x"), 2), (SystemExit(), 0)]
)
def test_parsers_may_end_the_program(stop: SystemExit, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, stop)
    assert main(["make"]) == code


def test_missing_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lightning" else name)
    raising(monkeypatch, ModuleNotFoundError("no", name="lightning.pytorch"))
    assert main(["train"]) == USAGE
    assert "scalegmn train needs the package lightning: pip install 'lightning>=" in capsys.readouterr().err


def test_a_module_that_no_package_has_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ModuleNotFoundError("No module named 'scalegmn.nonsense'", name="scalegmn.nonsense"))
    monkeypatch.setattr(main_module, "missing_packages", lambda module, name: [])
    assert main(["train"]) == FAILED
    assert "No module named 'scalegmn.nonsense'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("so"), MemoryError("so"), RecursionError("so"), KeyError("so")], ids=repr
)
@pytest.mark.parametrize("command", ["train", "scan", "info"])
def test_a_fault_has_its_own_code_and_is_not_hidden(
    command: str, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 would mean that a prediction is negative, or that a file is suspect."""
    raising(monkeypatch, error)
    assert main([command]) == FAILED == 5
    assert FAILED not in EXIT_CODES.values()
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert f"{command} failed with {type(error).__name__}" in printed.splitlines()[-1]


def test_a_fault_does_not_repeat_what_a_terminal_would_obey(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, RuntimeError("a\x1b[2Jb\u202ec\rd"))
    assert main(["scan"]) == FAILED
    printed = capsys.readouterr().err
    assert "a\\x1b[2Jb\\u202ec\\rd" in printed
    assert not set("\x1b\u202e\r") & set(printed)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a.json"),
            "runs/a.json: cannot be read or written (No space left on device); free some space, or choose "
            "another disk",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "x"),
            "x: cannot be read or written (Permission denied); change the permissions, or choose another "
            "place",
        ),
        (
            OSError(errno.EIO, "Input/output error"),
            "a file cannot be read or written (Input/output error); the disk or the connection to it fails; "
            "check it",
        ),
        (
            OSError("so it is"),
            "a file cannot be read or written (so it is); check the path and the disk",
        ),
    ],
)
def test_reasons_of_the_machine_are_one_message(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, error)
    assert main(["info"]) == DATA
    assert capsys.readouterr().err == f"scalegmn: error: {message}\n"
    assert main(["info", "--debug"]) == DATA
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            "make inrs",
            "scalegmn make: interrupted; the same command with --resume goes on",
        ),
        ("scan --resume", "scalegmn scan: interrupted; the same command with --resume goes on"),
        ("scan", "scalegmn scan: interrupted\n"),
    ],
)
def test_interrupted_commands_say_how_to_go_on(
    arguments: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert main(arguments.split()) == INTERRUPTED
    assert told in capsys.readouterr().err
