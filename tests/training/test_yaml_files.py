from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalegmn.errors import ConfigurationError
from scalegmn.training import read_yaml, to_yaml
from scalegmn.training._yaml_files import MAX_BYTES, parse_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1_000", 1000),
        ("-2", -2),
        (".5", 0.5),
        ("0x1F", 31),
        ("010", "010"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("true", True),
        ("~", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("[1, a, null]", [1, "a", None]),
        ("{1: 2, on: 3, null: 4, 2.50: 5}", {"1": 2, "on": 3, "null": 4, "2.50": 5}),
        ("{a: &x {b: 1}, c: *x}", {"a": {"b": 1}, "c": {"b": 1}}),
        ("{a: &x {b: 1, d: 2}, c: {<<: *x, b: 3}}", {"a": {"b": 1, "d": 2}, "c": {"b": 3, "d": 2}}),
        ("", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "more than 100,000 values"),
        ("a: &a [*a]", "contains itself"),
        ("a: &a {b: {c: *a}}", "contains itself"),
        ("a: " + "[" * 100_000 + "]" * 100_000, "nested"),
        ("a: " + "[" * 60 + "]" * 60, "nested"),
        ("a: " + "[" * 390 + "]" * 390, "nested"),
        ("[{a: " * 150_000, "nested"),
        ("\n".join(" " * n + f"k{n}:" for n in range(100)), "nested"),
        ("- " * 5000 + "x", "nested"),
        ("a: 1\na: 2", "['a'] given twice"),
        ("{1: 2, '1': 3}", "['1'] given twice"),
        ("{[1]: 2}", "a key that is no word"),
        ("? {a: 1}\n: 2", "a key that is no word"),
        ("a: !!python/object/apply:os.getcwd []", "python/object/apply:os.getcwd"),
        ("a: !!python/name:os.system x", "python/name:os.system"),
        ("a: !!set {x}", "set"),
        ("a: !!binary aGk=", "binary"),
        ("a: !!timestamp 2020-01-01", "timestamp"),
        ("a: !!int abc", "does not fit"),
        ("a: !!float x", "does not fit"),
        ("a: !!bool perhaps", "does not fit"),
        ("a: *nowhere", "undefined alias"),
        ("a: 1\n--- \nb: 2", "single document"),
        ("a: [1", "expected"),
        ("a: \x00", "not allowed"),
    ],
)
def test_everything_else_is_one_sentence(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="not a valid YAML file") as caught:
        read_yaml(path)
    message = str(caught.value)
    assert reason in message
    assert message.isprintable() and len(message) <= 500


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        read_yaml(path)
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigurationError, match="larger than"):
        read_yaml(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_yaml(tmp_path)
    path.write_text("- 1")
    with pytest.raises(ConfigurationError, match="expected sections"):
        read_yaml(path)


def test_what_is_written_is_read_back() -> None:
    data = {"a": ["010", "12:30", "2020-01-01", "1e-3", "yes", "~", "0o7", 1e-7, 10, None, True, "=x", ".5"]}
    assert parse_yaml(to_yaml(data)) == data
