"""Small files whose reading could take for ever, or all memory; members that are folders to some readers."""

from __future__ import annotations

import io
import pickle
import signal
import struct
import time
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from types import FrameType

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import decode
from scalegmn.errors import CheckpointError

MAX_BYTES = 2**24
SECONDS = 8.0

PAIRS = b"2\x86" * 60
"""A tuple of twice the value on the stack, of twice that, and so on: 2**60 values."""
ORDERED = b"ccollections\nOrderedDict\n"
ITEMS = b"".join(b"M%bK\x00" % struct.pack("<H", key) for key in range(20_000))
SPARSE = b"ctorch._utils\n_rebuild_sparse_tensor\n"
ENCODE = b"c_codecs\nencode\n"
LATIN = b"X\x06\x00\x00\x00latin1"
MANY = b"K\x00" * 50_000


class TooLong(BaseException):
    """No reader catches this."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """End a test after some seconds of processor time."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


def archive(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in (("data.pkl", program), ("version", b"3\n"), ("byteorder", b"little")):
            file.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def legacy_programs() -> list[bytes]:
    """The first four of the five pickles that a file of the old form begins with."""
    values = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {})
    return [pickle.dumps(value, protocol=2) for value in values]


def big_endian_array(count: int) -> bytes:
    """The instructions that make an array, without the end."""
    return pickle.dumps(np.zeros(count, dtype=">f4"), protocol=2)[:-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "program",
    [
        pytest.param(b"\x80\x02K\x00" + PAIRS + b".", id="pairs"),
        pytest.param(b"\x80\x02}K\x00" + PAIRS + b"K\x01s.", id="pairs-as-key"),
        pytest.param(b"\x80\x02" + ENCODE + b"K\x00" + PAIRS + LATIN + b"\x86R.", id="encode"),
        pytest.param(
            b"\x80\x02N(" + MANY + b"tq\x00" + (b"0" + SPARSE + b"h\x00R") * 4_000 + b".",
            id="arguments",
        ),
        pytest.param(
            b"\x80\x02" + ORDERED + b")R(" + ITEMS
            + b"dq\x00b" + b"h\x00b" * 20_000 + b".",
            id="states",
        ),
        pytest.param(
            b"\x80\x02X" + struct.pack("<I", 2**18) + b"a" * 2**18 + b"q\x00"
            + (b"0" + ENCODE + b"h\x00" + LATIN + b"\x86R") * 20_000 + b".",
            id="texts",
        ),
        pytest.param(b"\x80\x02C" + b"\xff" + b"k" * 255 + b"\x85" * 10_000 + b".", id="nested"),
    ],
)  # fmt: skip
def test_program_without_an_end_is_an_error(program: bytes) -> None:
    start = time.process_time()
    with pytest.raises(CheckpointError):
        decode(archive(program), max_bytes=MAX_BYTES)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("place", range(5))
def test_legacy_file_of_endless_parts_is_an_error(place: int) -> None:
    programs = [*legacy_programs(), pickle.dumps([], protocol=2)]
    programs[place] = b"\x80\x02K\x00" + PAIRS + b"."
    with pytest.raises(CheckpointError):
        decode(b"".join(programs), max_bytes=MAX_BYTES)


def test_array_that_occurs_often_is_made_once() -> None:
    array = big_endian_array(2**14)
    with pytest.raises(CheckpointError):
        decode(array + PAIRS + b".", max_bytes=MAX_BYTES)


def marked(content: bytes, *, name: bytes, attributes: int) -> bytes:
    """The archive with other attributes for one member in its directory."""
    changed = bytearray(content)
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        (length,) = struct.unpack_from("<H", content, at + 28)
        if content[at + 46 : at + 46 + length] == name:
            struct.pack_into("<L", changed, at + 38, attributes)
        at = content.find(b"PK\x01\x02", at + 1)
    assert bytes(changed) != content
    return bytes(changed)


def test_member_that_is_marked_as_a_folder_is_refused() -> None:
    """torch.load gives whatever lies in memory for the numbers of such a member."""
    buffer = io.BytesIO()
    torch.save(OrderedDict(weight=torch.ones(4)), buffer)
    content = buffer.getvalue()
    for attributes in (0x10, 0xFFFFFFFF, 0x41FD0010):
        with pytest.raises(CheckpointError, match="marked as a folder"):
            decode(marked(content, name=b"archive/data/0", attributes=attributes), max_bytes=MAX_BYTES)
    assert decode(marked(content, name=b"archive/data/0", attributes=0x81A40000), max_bytes=MAX_BYTES).entries


def test_folder_with_contents_is_refused_and_an_empty_one_is_none() -> None:
    """numpy.load reads `weight.npy/` as an array."""
    for contents, refused in ((b"hidden", True), (b"", False)):
        buffer = io.BytesIO()
        np.savez(buffer, weight=np.ones(3, dtype=np.float32))
        with zipfile.ZipFile(buffer, "a") as file:
            file.writestr("more.npy/", contents)
        if refused:
            with pytest.raises(CheckpointError, match="has contents"):
                decode(buffer.getvalue(), max_bytes=MAX_BYTES)
        else:
            assert len(decode(buffer.getvalue(), max_bytes=MAX_BYTES).entries) == 1
