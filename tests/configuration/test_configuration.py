from __future__ import annotations

import pickle
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from scalegmn.configuration import (
    Configuration,
    Count,
    InvalidConfigurationError,
    Rate,
    Widths,
    check_arguments,
    format_value,
    from_plain,
    to_plain,
)
from scalegmn.errors import ConfigurationError
from scalegmn.graph import GraphSpec
from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry


class Color(Enum):
    red = "r"
    blue = "b"


@dataclass(frozen=True, kw_only=True)
class Inner(Configuration):
    count: Count = 3


@dataclass(frozen=True, kw_only=True)
class Options(Configuration):
    color: Color = Color.red
    widths: Widths = (1,)
    rate: Rate = 0.1
    inner: Inner = Inner()
    either: float | int | None = None
    word: Literal["a", "b"] = "a"
    file: Path | None = None
    flag: bool = False
    pairs: dict[str, int | float] | None = None
    anything: Any = None


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ({"color": "blue"}, Color.blue),
        ({"color": "b"}, Color.blue),
        ({"widths": [2, "3"]}, (2, 3)),
        ({"widths": (np.int64(4),)}, (4,)),
        ({"rate": "1e-3"}, 0.001),
        ({"rate": 0}, 0.0),
        ({"rate": np.float32(0.5)}, 0.5),
        ({"inner": {"count": "5"}}, Inner(count=5)),
        ({"either": "1000"}, 1000),
        ({"either": "0.5"}, 0.5),
        ({"either": None}, None),
        ({"file": "a/b"}, Path("a/b")),
        ({"word": "b"}, "b"),
        ({"flag": np.bool_(True)}, True),
        ({"pairs": {"a": 1, "b": "0.5"}}, {"a": 1, "b": 0.5}),
        ({"anything": {"a": [1, None, "x"]}}, {"a": [1, None, "x"]}),
    ],
)
def test_texts_and_numbers_become_what_is_meant(given: dict[str, Any], held: object) -> None:
    (name,) = given
    value = getattr(Options(**given), name)
    assert value == held
    assert type(value) is type(held)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"color": "blu"}, r"Options: color is 'blu', expected one of red, blue; did you mean 'blue'\?"),
        ({"color": Direction.forward}, "color is <Direction.forward: 'forward'>, expected one of red, blue"),
        ({"widths": "12"}, "widths is '12', expected a list"),
        ({"widths": {1: 2}}, "widths is {1: 2}, expected a list"),
        ({"widths": []}, r"widths is \[\], expected one or more entries"),
        ({"widths": (1, 0)}, r"widths is \(1, 0\), expected a list, each entry an int, from 1 to 65536"),
        ({"rate": True}, "rate is True, expected a finite number"),
        ({"rate": "0,5"}, "rate is '0,5'"),
        ({"rate": "١"}, "rate is "),
        ({"inner": {"count": 0, "size": 1}}, "inner.size is unknown; known are count"),
        ({"inner": {"count": 0}}, "inner.count is 0, expected at least 1"),
        ({"inner": 3}, "inner is 3, expected a Inner"),
        ({"word": "c"}, "word is 'c', expected one of a, b"),
        ({"file": ""}, "file is '', expected a path"),
        ({"file": "a\0b"}, "expected a path"),
        ({"flag": "true"}, r"flag is 'true', expected a bool \(true or false\)"),
        ({"flag": 1}, "flag is 1, expected a bool"),
        ({"pairs": {1: 2}}, "pairs is {1: 2}"),
        ({"anything": float("nan")}, "anything is nan, expected a plain value"),
        ({"anything": {1: 2}}, "expected a plain value"),
    ],
)
def test_everything_else_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Options(**wrong)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"color is.*rate is.*flag is") as caught:
        Options(color="x", rate=2, flag=3)  # type: ignore[arg-type]
    assert "; " in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and isinstance(again, InvalidConfigurationError)


def test_plain_values_are_read_back_and_unknown_ones_are_refused() -> None:
    options = Options(color="blue", widths=[2, 3], file="x", pairs={"a": 0.5})  # type: ignore[arg-type]
    plain = to_plain(options)
    assert plain["color"] == "blue" and plain["widths"] == [2, 3] and plain["file"] == "x"
    assert from_plain(Options, plain) == options
    with pytest.raises(ConfigurationError, match=r"run\.json: Options: colour is unknown; did you"):
        from_plain(Options, {"colour": "red"}, origin="run.json")
    for data in (None, [], "color"):
        with pytest.raises(ConfigurationError, match="expected entries by name"):
            from_plain(Options, data)


def test_arguments_of_a_function() -> None:
    def made(*, size: Count, color: Color = Color.red) -> None: ...

    assert check_arguments(made, {"size": "3", "color": "b"}, origin="x") == {
        "size": 3,
        "color": Color.blue,
    }
    with pytest.raises(ConfigurationError, match="x: size is missing"):
        check_arguments(made, {}, origin="x")
    with pytest.raises(ConfigurationError, match=r"x: size is 0, expected at least 1; color is 'green'"):
        check_arguments(made, {"size": 0, "color": "green"}, origin="x")


@pytest.mark.parametrize(
    "value",
    [
        "a" * 10**6,
        "\x1b[31m\n\u202e",
        [[[[[[[]]]]]]],
        pytest.param(10**5000, id="int"),
        {"a": "b" * 1000},
        np.zeros(1000),
    ],
)
def test_values_in_messages_are_short_and_printable(value: object) -> None:
    text = format_value(value)
    assert text.isprintable() and 0 < len(text) <= 80


def test_the_model_that_is_asked_for_is_built() -> None:
    def parameters(config: ModelConfig) -> int:
        model = ScaleGMN(spec=GraphSpec(inputs=2, outputs=1, layers=1), outputs=3, config=config)
        return sum(parameter.numel() for parameter in model.parameters())

    both = ModelConfig(features=8, layers=2, direction="bidirectional")  # type: ignore[arg-type]
    assert both.direction is Direction.bidirectional
    assert parameters(both) == 9_443
    assert parameters(ModelConfig(features=8, layers=2)) == 4_771
    assert ModelConfig(symmetry="scaling").symmetry is Symmetry.scaling  # type: ignore[arg-type]
