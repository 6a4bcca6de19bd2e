"""A worker that a file has taken over may say anything; the parent's checks and its clock hold."""

from __future__ import annotations

import json
import time

import pytest

from scalegmn.checkpoints.worker import Reader, ReadLimits
from scalegmn.errors import CheckpointError
from tests.checkpoints.worker.conftest import Begin, Write

MAX_BYTES = 20_000


def frame(content: bytes) -> bytes:
    return len(content).to_bytes(8, "big") + content


def answer(*, entries: int = 1, nbytes: int = 24) -> bytes:
    first = {"format": "npz", "sha256": "0" * 64, "notes": 0, "entries": entries}
    tensor = [["a"], [], None, "tensor", "float32", [nbytes // 4], nbytes]
    return "\n".join(map(json.dumps, (first, tensor))).encode()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(b"\n", "took more than", id="silence"),
        pytest.param(b"\nexit", "ended by exit code 0", id="exit"),
        pytest.param(b"\nclose", "ended by closing its connection", id="close"),
        pytest.param(b"\nflood", "no JSON", id="zeros-without-end"),
        pytest.param(
            b"\xff" * 8 + b"\nflood", "a frame of 18,446,744,073,709,551,615 bytes", id="endless-frame"
        ),
        pytest.param((2**20).to_bytes(8, "big") + b"\nflood", "a line has 1,048,576 bytes", id="long-line"),
        pytest.param((2**26).to_bytes(8, "big") + b"\ndrip", "took more than", id="drop-by-drop"),
        pytest.param(b"\x00\x00\n", "took more than", id="half-a-length"),
        pytest.param(b"\x00\x00\nexit", "ended by exit code 0", id="half-a-length-and-exit"),
        pytest.param(frame(answer())[:-3] + b"\n", "took more than", id="half-an-answer"),
        pytest.param(frame(b"\x80\x04cos\nsystem\n.") + b"\n", "no JSON", id="pickle"),
        pytest.param(frame(b"[" * 10_000) + b"\n", "nested too deeply", id="deep"),
        pytest.param(frame(answer(entries=2)) + b"\n", "fewer lines", id="fewer-entries"),
        pytest.param(
            frame(answer(nbytes=40_000)) + b"\n", "40,000 bytes, more than 20,000", id="more-than-allowed"
        ),
        pytest.param(frame(answer()) + b"\n", "took more than", id="no-numbers"),
        pytest.param(frame(answer()) + b"12345\nexit", "ended by exit code 0", id="some-numbers"),
        pytest.param(
            frame(b'{"reason": "\\u001b[2J", "unsafe": false}') + b"\nexit", r"\x1b[2J", id="escape"
        ),
    ],
)
def test_error_and_no_more(begin: Begin, write: Write, said: bytes, reason: str) -> None:
    begin("saying")
    seconds = 0.1 if reason == "took more than" else 20.0
    with Reader(workers=1, limits=ReadLimits(seconds=seconds)) as reader:
        path = write(said)
        start = time.monotonic()
        with pytest.raises(CheckpointError) as caught:
            reader.read(path, max_bytes=MAX_BYTES)
        assert time.monotonic() - start < 10
        message = str(caught.value)
        assert message.startswith(f"{path}: ") and message.isprintable() and reason in message


def test_what_was_said_too_early_is_no_answer_about_the_next_file(begin: Begin, write: Write) -> None:
    begin("saying")
    with Reader(workers=1, limits=ReadLimits(seconds=2.0)) as reader:
        whole = frame(answer()) + bytes(24)
        found = reader.read(write(whole + frame(answer()) + bytes(24) + b"\n"), max_bytes=MAX_BYTES)
        assert found.contents.format == "npz"
        begin("decoding")
        assert reader.read(write(b"values"), max_bytes=MAX_BYTES).contents.format == "torch_legacy"
