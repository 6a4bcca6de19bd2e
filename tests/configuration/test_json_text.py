from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalegmn.configuration import parse_json, read_json_file
from scalegmn.errors import ConfigurationError
from scalegmn.networks import read_json


@pytest.mark.parametrize(
    "data", [{}, [], 1, "x", None, {"a": [1, 2.5, -1e300, None, True, "é\n"]}, {"a": {"b": {"c": [[]]}}}]
)
def test_reads_what_json_writes(data: Any) -> None:
    assert parse_json(json.dumps(data)) == data
    assert parse_json(json.dumps(data).encode()) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested more than 64 deep"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 64 deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested more than 64 deep"),
        ("[" * 65 + "]" * 65, "nested more than 64 deep"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is given twice"),
        ('[{"x": {"a": 1, "a": 1}}]', "the key 'a' is given twice"),
        ("NaN", "the number NaN"),
        ('{"a": [-Infinity]}', "the number -Infinity"),
        ("1e999", "the number 1e999"),
        ("9" * 5000, "digits"),
        ('"\\ud800"', "surrogates"),
        ("{", "Expecting"),
        ("", "Expecting"),
        (b"\xff", "decode"),
    ],
    ids=range(14),
)
def test_everything_else_is_refused(text: str | bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)
    path = tmp_path / "config.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigurationError, match="no model configuration can be read here") as caught:
        read_json(path, what="model configuration")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500


def test_64_deep_is_fine_and_constants_where_they_are_meant() -> None:
    assert parse_json("[" * 64 + "]" * 64)
    assert parse_json('{"a": [Infinity, 1e999]}', constants=True) == {"a": [float("inf"), float("inf")]}


def test_size_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" + " " * 100 + "]")
    assert read_json_file(path, max_bytes=102) == []
    with pytest.raises(ValueError, match="larger than 101 bytes"):
        read_json_file(path, max_bytes=101)
    # A sparse file of 2 TB is not read either.
    with path.open("r+b") as file:
        file.truncate(2**41)
    with pytest.raises(ConfigurationError, match="larger than"):
        read_json(path, what="x")
