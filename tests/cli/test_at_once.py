"""Two commands with one output at the same moment, and outputs that cannot be written."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.main import main
from scalegmn.disk import _whole_files as whole_files
from scalegmn.populations import _durable as durable
from tests.training.small import options, small_population

INRS = ["make", "inrs", "--source", "digits", "--train-limit", "8", "--test-limit", "4", "--hidden", "[4]"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population, two of its networks as files, and an editor."""
    folder = tmp_path_factory.mktemp("at_once")
    assert main([*INRS, "--steps", "2", "--quiet", "-o", str(folder / "inrs")]) == OK
    small_population(folder / "p", networks=24)
    assert (
        main(["export", str(folder / "inrs"), "--format", "checkpoints", "-o", str(folder / "files")]) == OK
    )
    training = options(folder / "inrs", folder / "editor", task="inr_editing", training__epochs=1)
    assert main(["train", *training]) == OK
    return folder


def commands(made: Path, output: Path) -> dict[str, list[str]]:
    """Commands that fill a folder, and one that writes a file."""
    edit = ["edit", str(made / "editor")]
    network = str(made / "files" / "00.safetensors")
    to = ["-o", str(output)]
    return {
        "make": [*INRS, "--steps", "2", "--quiet", *to],
        "export": ["export", str(made / "p"), "--format", "checkpoints", "--quiet", *to],
        "canonicalize": ["canonicalize", str(made / "p"), "--quiet", *to],
        "train": ["train", *options(made / "p", output, training__epochs=1)],
        "edit": [*edit, network, *to],
        "edit_population": [*edit, str(made / "inrs"), "--quiet", *to],
        "edit_file": [*edit, network, "-o", str(output.with_suffix(".safetensors"))],
    }


NAMES = tuple(commands(Path(), Path("x")))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("name", NAMES)
def test_of_two_commands_at_once_one_succeeds(made: Path, tmp_path: Path, name: str) -> None:
    command = commands(made, tmp_path / "out")[name]
    codes, told = at_once(command, tmp_path)
    assert sorted(codes) == [OK, max(codes)] and max(codes) > OK, told
    loser = told[codes.index(max(codes))]
    assert "Traceback" not in loser and len(loser.strip().splitlines()) <= 2, loser
    assert any(words in loser for words in ("another command", "not empty", "holds", "exists")), loser


def at_once(command: Sequence[str], folder: Path) -> tuple[list[int], list[str]]:
    """Exit codes and errors of two processes that run a command at the same moment."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)

    def work(number: int) -> None:
        with (folder / f"errors-{number}").open("w") as errors:
            sys.stderr = errors
            start.wait()
            code = main(list(command))
            errors.flush()
        os._exit(code)

    both = [context.Process(target=work, args=(number,)) for number in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    codes = [process.exitcode if process.exitcode is not None else -1 for process in both]
    return codes, [(folder / f"errors-{number}").read_text() for number in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_file_where_a_folder_should_be(
    made: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(commands(made, tmp_path / "file" / "out")[name]) != OK
    said = capsys.readouterr().err
    assert "Traceback" not in said and "None" not in said and str(tmp_path / "file") in said
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    made: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [0]

    def fsync(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for module in (whole_files, durable):
        monkeypatch.setattr(module.os, "fsync", fsync)
    code = main(commands(made, tmp_path / "out")[name])
    monkeypatch.undo()
    said = capsys.readouterr().err
    if name == "edit_file" and code == OK:
        # The network took the room that there was.
        return
    assert code == DATA
    assert "No space left on device" in said and "None:" not in said and "Traceback" not in said
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    if name not in ("train", "edit_file"):
        assert not left
    assert not [path for path in left if path.endswith((".tmp", ".partial", ".lock"))]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits of files")
def test_a_limit_on_the_size_of_files_is_one_sentence(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        code = main(commands(made, tmp_path / "out")["export"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert code == DATA and "File too large" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
