"""Hostile HDF5 files and Keras archives: refused with one sentence, and the worker lives on."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scalegmn.checkpoints.worker import Reader
from scalegmn.errors import CheckpointError
from tests.checkpoints.hdf5_crafting import HDF5, HONEST, behind, external, keras, keras2, keras3, save

DOCUMENT = Path(__file__).parents[2] / "docs" / "scanning.md"


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(workers=1) as made:
        yield made


@pytest.mark.parametrize("kind", HDF5)
def test_hostile_files_are_refused(tmp_path: Path, reader: Reader, kind: str) -> None:
    build, said = HDF5[kind]
    path, start = save(tmp_path, build()), time.monotonic()
    with pytest.raises(CheckpointError) as caught:
        reader.read(path, max_bytes=2**24)
    text = str(caught.value).removeprefix(f"{path}: ")
    assert said in text and text.isprintable() and 20 < len(text) < 500
    # Nothing here may end the worker, or the sentence would speak of its end.
    assert "reader of this file" not in text and "cannot be read (" not in text
    assert time.monotonic() - start < 10


def test_number_of_hostile_files_is_stated() -> None:
    stated = re.search(r"(\d+) hostile HDF5 files", DOCUMENT.read_text(encoding="utf-8"))
    assert stated is not None and int(stated[1]) == len(HDF5)


def test_without_what_is_hostile_they_are_read(tmp_path: Path, reader: Reader) -> None:
    """This checks the tests."""
    for content in (keras3(), keras(), keras2(HONEST), keras2(HONEST, whole=False)):
        assert reader.read(save(tmp_path, content), max_bytes=2**24).contents.entries


def test_a_file_of_another_is_not_read_through_a_link(tmp_path: Path, reader: Reader) -> None:
    """Numbers in other files are what somebody else may want to see in a report."""
    secret = save(tmp_path, bytes(24), "secret")
    with pytest.raises(CheckpointError, match="external storage"):
        reader.read(save(tmp_path, external(str(secret))), max_bytes=2**24)


@pytest.mark.slow
def test_a_worker_that_used_the_library_reads_no_other_file(tmp_path: Path) -> None:
    """Refused or not: what a file has done to its memory is over with the file."""
    plain = tmp_path / "n.npz"
    np.savez(plain, w=np.ones(2))
    with Reader(workers=1) as own:

        def worker() -> int:
            (process,) = own._pool._processes
            return process._process.pid

        own.read(plain, max_bytes=2**20)
        first = worker()
        own.read(plain, max_bytes=2**20)
        assert worker() == first
        for content in (keras3(), keras(), HDF5["soft link"][0](), keras3()[:9]):
            with contextlib.suppress(CheckpointError):
                own.read(save(tmp_path, content), max_bytes=2**20)
            used = worker()
            own.read(plain, max_bytes=2**20)
            assert worker() != used


def test_an_hdf5_file_elsewhere_than_its_readers_look_is_none(tmp_path: Path, reader: Reader) -> None:
    """At byte 600 nobody finds it, and the pickle before it is the error."""
    with pytest.raises(CheckpointError) as caught:
        reader.read(save(tmp_path, behind(b"\x80\x02}q\0.", 600)), max_bytes=2**24)
    assert "HDF5" not in str(caught.value)
