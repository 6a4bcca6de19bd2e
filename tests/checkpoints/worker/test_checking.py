"""The parent believes nothing of an answer that it has not checked."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from scalegmn.checkpoints import ITEM_SIZES, Contents, ContentsEntry, Opaque, Place, RawTensor
from scalegmn.checkpoints.worker import Outline, check_answer, describe_contents
from scalegmn.checkpoints.worker._channel import BrokenError
from scalegmn.checkpoints.worker._checking import WorkerRefusal, parse_object
from scalegmn.checkpoints.worker._describing import refusal
from scalegmn.errors import CheckpointError

SHA256 = "0" * 64


def outline(contents: Contents, *, max_bytes: int = 2**20) -> Contents:
    answer = check_answer(
        describe_contents(contents, sha256=SHA256, max_bytes=max_bytes), max_bytes=max_bytes
    )
    assert isinstance(answer, Outline) and answer.sha256 == SHA256
    return answer.contents


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        0,
        -5,
        2**64 - 1,
        "",
        "a\nb\ud800\u202e",
        0.1,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        math.inf,
    ],
)
def test_plain_values_arrive_as_they_are(value: float | str) -> None:
    (entry,) = outline(Contents("pickle", (ContentsEntry(("a", 0, -1), value),))).entries
    assert entry.path == ("a", 0, -1)
    assert type(entry.value) is type(value) and repr(entry.value) == repr(value)


def test_places_in_lists_stay_apart_from_keys() -> None:
    (entry,) = outline(Contents("pickle", (ContentsEntry(("a", Place(3), 3), 1),))).entries
    assert entry.path == ("a", 3, 3)
    assert [type(step) for step in entry.path] == [str, Place, int]


def test_nan_arrives_and_a_huge_integer_is_named() -> None:
    nan, huge = outline(Contents("npz", (ContentsEntry((), math.nan), ContentsEntry((), 10**5000)))).entries
    assert isinstance(nan.value, float) and math.isnan(nan.value)
    assert huge.value == Opaque("integer of 16,610 bits", called=False)


@pytest.mark.parametrize("dtype", ITEM_SIZES)
def test_every_type_of_numbers_is_known(dtype: str) -> None:
    value = RawTensor(dtype, (2, 1, 3), bytes(6 * ITEM_SIZES[dtype]))
    (entry,) = outline(Contents("npz", (ContentsEntry(("t",), value),))).entries
    assert isinstance(entry.value, RawTensor)
    assert (entry.value.dtype, entry.value.shape, len(entry.value.data)) == (dtype, (2, 1, 3), 0)


def test_no_field_is_lost() -> None:
    """A field that is added to the contents and not to the protocol would be lost on its way."""
    sent = Contents(
        "torch",
        (
            ContentsEntry(("a",), Opaque("x.Y", called=True, numbers=True), ("values", "items"), "z.Z"),
            ContentsEntry(("b",), Opaque("x.Y", called=False, numbers=False), (), None),
        ),
        ("one", "two"),
    )
    arrived = outline(sent)
    for mine, theirs in zip(sent.entries, arrived.entries, strict=True):
        assert dataclasses.astuple(mine) == dataclasses.astuple(theirs)
    assert (arrived.format, arrived.notes) == (sent.format, sent.notes)


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (
            Contents("npz", (ContentsEntry(("t",), RawTensor("int8", (9,), b"12345678")),)),
            "has 8 bytes; expected 9",
        ),
        (
            Contents(
                "npz", (ContentsEntry(("t",), RawTensor("int8", (100,), np.zeros(100, "u1").data)),) * 2
            ),
            "200 bytes",
        ),
        (Contents("npz", (ContentsEntry(("n" * 2**17,), 1),)), "more than 65,536"),
        (Contents("npz", (), ("note" * 2**17,)), "more than 65,536"),
        (Contents("npz", (ContentsEntry(("n",), 1),) * (2**18 + 1)), "262,145 entries"),
    ],
)
def test_worker_does_not_send_too_much(contents: Contents, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        describe_contents(contents, sha256=SHA256, max_bytes=150)


def test_refusal_arrives() -> None:
    answer = check_answer(refusal("it is\nbad", unsafe=True), max_bytes=1)
    assert answer == WorkerRefusal(reason="it is\\nbad", unsafe=True)


FIRST = {"format": "npz", "sha256": SHA256, "notes": 0, "entries": 1}
TENSOR = [["a"], [], None, "tensor", "float32", [2, 3], 24]


def lines(*values: Any, **changes: Any) -> bytes:
    return "\n".join(json.dumps(value) for value in ({**FIRST, **changes}, *values)).encode()


def test_the_answers_below_are_right_but_for_one_thing() -> None:
    assert isinstance(check_answer(lines(TENSOR), max_bytes=24), Outline)


def tensor(*, dtype: Any = "float32", shape: Any = (2, 3), nbytes: Any = 24) -> bytes:
    return lines([["a"], [], None, "tensor", dtype, shape, nbytes])


def plain(kind: str, *value: Any) -> bytes:
    return lines([["a"], [], None, kind, *value])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="empty-lines"),
        pytest.param(b"\x80\x04.", id="pickle"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"format": NaN}', id="constant"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="deep-objects"),
        pytest.param(b"9" * 60_000, id="digits"),
        pytest.param(b'"' + b"x" * 2**17 + b'"', id="long-line"),
        pytest.param(lines(TENSOR, TENSOR), id="more-entries"),
        pytest.param(lines(), id="fewer-entries"),
        pytest.param(lines(TENSOR, entries=-1), id="negative-count"),
        pytest.param(lines(TENSOR, entries=True), id="truth-as-count"),
        pytest.param(lines(TENSOR, entries=2**40), id="endless-count"),
        pytest.param(lines(TENSOR, entries=1.0), id="fraction-as-count"),
        pytest.param(lines(5, TENSOR, notes=1), id="note-no-text"),
        pytest.param(lines(TENSOR, format="pickle5"), id="unknown-format"),
        pytest.param(lines(TENSOR, format=["npz"]), id="format-a-list"),
        pytest.param(lines(TENSOR, sha256="0" * 63), id="short-checksum"),
        pytest.param(lines(TENSOR, sha256="0" * 64 + "\n"), id="checksum-and-line-end"),
        pytest.param(lines(TENSOR, sha256=None), id="no-checksum"),
        pytest.param(lines(TENSOR, extra=1), id="another-field"),
        pytest.param(b'{"reason": "x", "unsafe": 1}', id="unsafe-a-number"),
        pytest.param(b'{"reason": ["x"], "unsafe": true}', id="reason-a-list"),
        pytest.param(b'{"reason": "x", "unsafe": true}\n1', id="refusal-and-more"),
        pytest.param(lines({"path": []}), id="entry-an-object"),
        pytest.param(lines([]), id="entry-empty"),
        pytest.param(lines(["a", [], None, "int", 1]), id="path-a-text"),
        pytest.param(lines([[None], [], None, "int", 1]), id="path-of-null"),
        pytest.param(lines([[True], [], None, "int", 1]), id="path-of-truth"),
        pytest.param(lines([[2**64], [], None, "int", 1]), id="path-of-huge"),
        pytest.param(lines([[[]], [], None, "int", 1]), id="path-of-no-place"),
        pytest.param(lines([[[1, 2]], [], None, "int", 1]), id="path-of-two-places"),
        pytest.param(lines([[[-1]], [], None, "int", 1]), id="place-below-zero"),
        pytest.param(lines([[["a"]], [], None, "int", 1]), id="place-a-text"),
        pytest.param(lines([[[True]], [], None, "int", 1]), id="place-a-truth"),
        pytest.param(lines([[], [1], None, "int", 1]), id="attribute-a-number"),
        pytest.param(lines([[], [], 1, "int", 1]), id="inside-a-number"),
        pytest.param(tensor(dtype="float31"), id="unknown-dtype"),
        pytest.param(tensor(dtype=["float32"]), id="dtype-a-list"),
        pytest.param(tensor(shape=[2, -3], nbytes=-24), id="negative-shape"),
        pytest.param(tensor(shape=[-2, -3]), id="two-negatives"),
        pytest.param(tensor(shape=[6.0]), id="shape-of-fractions"),
        pytest.param(tensor(shape="23"), id="shape-a-text"),
        pytest.param(tensor(shape=[0, 2**70], nbytes=0), id="huge-axis"),
        pytest.param(tensor(shape=[6, *[1] * 64]), id="many-axes"),
        pytest.param(tensor(nbytes=23), id="other-bytes"),
        pytest.param(tensor(nbytes=24.0), id="bytes-a-fraction"),
        pytest.param(tensor(shape=[2**62, 2**62], nbytes=0), id="overflowing"),
        pytest.param(tensor(shape=[2, 4], nbytes=32), id="more-than-allowed"),
        pytest.param(lines(TENSOR, TENSOR, entries=2), id="more-than-allowed-together"),
        pytest.param(plain("int", 1.0), id="int-a-fraction"),
        pytest.param(plain("int", True), id="int-a-truth"),
        pytest.param(plain("int", 2**64), id="int-huge"),
        pytest.param(plain("float", 1.0), id="float-bare"),
        pytest.param(plain("float", "1e5"), id="float-decimal"),
        pytest.param(plain("float", "0x1.0p+9999"), id="float-huge"),
        pytest.param(plain("float", "nan "), id="float-blank"),
        pytest.param(plain("str", None), id="str-null"),
        pytest.param(plain("bool", 0), id="bool-a-number"),
        pytest.param(plain("opaque", "x", 1, False), id="called-a-number"),
        pytest.param(plain("opaque", 5, True, False), id="name-a-number"),
        pytest.param(plain("bytes", "x"), id="unknown-kind"),
        pytest.param(plain("int"), id="no-value"),
        pytest.param(plain("int", 1, 2), id="two-values"),
        pytest.param(lines([[], [], None, ["int"], 1]), id="kind-a-list"),
    ],
)
def test_wrong_answer_is_not_believed(answer: bytes) -> None:
    with pytest.raises(BrokenError):
        check_answer(answer, max_bytes=24)
    with pytest.raises(BrokenError):
        check_answer(bytearray(answer), max_bytes=24)


@pytest.mark.parametrize("said", [b"", b"[]", b"[" * 10**5, b"{", b"1"])
def test_no_object_is_not_believed(said: bytes) -> None:
    with pytest.raises(BrokenError):
        parse_object(said)
