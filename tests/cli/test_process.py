"""Signals and broken pipes, in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import FAILED, INTERRUPTED, NEGATIVE, OK
from scalegmn.cli.process import Output, endings_interrupt

unix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")

# A command that does what `body` says; importing a real one would take seconds.
PROGRAM = """
import signal, sys, time, types
from pathlib import Path
# Whoever started the tests may ignore signals, as nohup does.
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in {{"SIGTERM", "SIGHUP"}} & set(dir(signal)):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
command = types.ModuleType("scalegmn.cli.info")
def run(argv):
{body}
command.run = run
sys.modules["scalegmn.cli.info"] = command
from scalegmn.cli.main import main
sys.exit(main(["info", *sys.argv[1:]]))
"""

WAITS = """
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        Path(argv[0]).write_text("cleaned up")
"""
PRINTS = """
    for line in range(20_000):
        print("line", line)
    print("an error", file=sys.stderr)
    Path(argv[0]).write_text("went on")
    return 1
"""


def start(body: str, *arguments: str | Path, **options: object) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", PROGRAM.format(body=body), *map(str, arguments)]
    return subprocess.Popen(program, text=True, **options)  # type: ignore[call-overload, no-any-return]


@unix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_that_end_a_program_interrupt_it(name: str, tmp_path: Path) -> None:
    process = start(WAITS, tmp_path / "left", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert errors == "scalegmn info: interrupted\n"
    assert (tmp_path / "left").read_text() == "cleaned up"


@unix
def test_what_is_ignored_or_handled_stays_so() -> None:
    """`nohup` ignores SIGHUP, and other libraries have handlers of their own."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    try:
        with endings_interrupt():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before[0])
    assert signal.getsignal(signal.SIGTERM) is before[1]


def test_other_threads_cannot_handle_signals_and_need_not() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with endings_interrupt():
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not failed


@unix
@pytest.mark.parametrize("both", [False, True])
def test_a_reader_that_has_seen_enough_is_no_failure(both: bool, tmp_path: Path) -> None:
    """The command goes on, and its exit code is its own."""
    errors = subprocess.STDOUT if both else subprocess.PIPE
    process = start(PRINTS, tmp_path / "left", stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    if process.stderr is not None:
        assert process.stderr.read() == "an error\n"
        process.stderr.close()
    assert process.wait(20) == NEGATIVE
    assert (tmp_path / "left").read_text() == "went on"


@unix
def test_help_for_head() -> None:
    """What is short is written when the program ends."""
    program = [sys.executable, "-m", "scalegmn.cli.main", "--help"]
    short = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert short.stdout is not None and short.stderr is not None
    short.stdout.close()
    assert short.stderr.read() == ""
    short.stderr.close()
    assert short.wait(20) == OK


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Another code than that of the prediction, which nobody could read."""
    with open("/dev/full", "w") as full:
        process = start(PRINTS, tmp_path / "left", stdout=full, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == FAILED
    assert errors.splitlines() == [
        "an error",
        "scalegmn: error: what was printed is not whole (No space left on device); the exit code would have "
        "been 1",
    ]
    assert (tmp_path / "left").read_text() == "went on"


@unix
def test_unbuffered_streams_stay_so(tmp_path: Path) -> None:
    """The log of a job shows at once what it says, where that is asked for."""
    body = "\n    print('begun')\n    time.sleep(30)\n"
    with open(tmp_path / "log", "w") as log:
        process = start(body, stdout=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (tmp_path / "log").read_text():
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert (tmp_path / "log").read_text() == "begun\n"


def test_letters_that_a_stream_cannot_write_are_escaped(tmp_path: Path) -> None:
    body = "\n    print('caf\\u00e9 \\u2502')\n    return 0\n"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = start(body, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    printed, errors = process.communicate(timeout=20)
    assert (printed, errors) == ("caf\\xe9 \\u2502\n", "")


@unix
def test_closed_streams() -> None:
    program = [sys.executable, "-m", "scalegmn.cli.main", "--version"]
    closed = subprocess.run(["sh", "-c", '"$@" >&- 2>&-', "sh", *program], check=False)
    assert closed.returncode == OK


def test_streams_that_a_test_reads_stay(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with Output().lenient() as output:
        assert (sys.stdout, sys.stderr) == before
        print("here")
        assert output.failure is None
    assert capsys.readouterr().out == "here\n"
