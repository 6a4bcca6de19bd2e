"""Text from outside on one line, and errors that repeat it."""

from __future__ import annotations

import pickle
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalegmn.errors import CheckpointError, ConfigurationError, ScaleGMNError
from scalegmn.printable import MESSAGE, how_many, printable


@pytest.mark.parametrize(
    "text",
    [
        "weights.pt",
        "Größe/Übung-№7.safetensors",
        "модель/сеть.pt",
        "模型_权重.pt",
        "モデル.pt",
        "שלום.pt",
        "e\u0301te\u0301.pt",
        "รูปแบบที่นี่.pt",
        "नमस्ते.pt",
        "C:\\models\\x1b.pt",
    ],
)
def test_letters_of_all_scripts_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nclean b\r", r"a\nclean b\r"),
        ("tab\there", r"tab\there"),
        ("nul\x00", r"nul\x00"),
        ("c1\x9b31m", r"c1\x9b31m"),
        ("exe\u202egnp.pt", r"exe\u202egnp.pt"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
        ("no\u00a0break", r"no\xa0break"),
        ("filler\u3164", r"filler\u3164"),
        ("joiner\u034f", r"joiner\u034f"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("selector\ufe0f", r"selector\ufe0f"),
        ("\udcff.pt", r"\udcff.pt"),
        ("\u0301led", r"\u0301led"),
    ],
)
def test_what_nobody_sees_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(Path(text)) == shown


def test_a_tower_of_marks_is_cut() -> None:
    shown = printable("a" + "\u0301" * 10)
    assert shown == "a" + "\u0301" * 4 + r"\u0301" * 6


def test_long_text_loses_its_middle_and_says_its_length() -> None:
    shown = printable("a" * 1_000_000 + "b" * 1_000_000)
    assert len(shown) <= MESSAGE
    assert shown.startswith("aaa") and shown.endswith("bbb") and "2,000,000 characters" in shown
    # Nor do escapes make it longer, and none is cut in two.
    shown = printable("\x1b" * 400, limit=100)
    assert len(shown) <= 100 and set(shown.replace("\\x1b", "")) <= set(" [.400chartes]")
    assert len(printable("\x1b" * 400, limit=None)) == 1600


@given(st.text(), st.integers(0, 80) | st.none())
def test_law(text: str, limit: int | None) -> None:
    shown = printable(text, limit=limit)
    assert printable(shown, limit=limit) == shown
    assert shown.isprintable() and (limit is None or len(shown) <= limit)
    shown.encode()
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in shown)


@given(
    st.text(alphabet=st.sampled_from("a\u0301\u0489\ufe0f\u3164\x1b\udcff\u202e ["), max_size=60),
    st.integers(30, 60),
)
def test_law_where_it_is_hard(text: str, limit: int) -> None:
    shown = printable(text, limit=limit)
    assert printable(shown, limit=limit) == shown and len(shown) <= limit and shown.isprintable()


def test_errors_are_one_short_line_whatever_they_repeat() -> None:
    error = CheckpointError(f"{'x' * 2_000_000}\n\x1b[31m: the file is empty. Copy it again.")
    assert len(str(error)) <= MESSAGE and str(error).isprintable()
    assert str(error).endswith("Copy it again.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_several_mistakes_are_kept_apart() -> None:
    problems = [f"field {n} is wrong\n{'x' * 100}" for n in range(50)]
    error = ConfigurationError("model", problems=problems)
    assert str(error).startswith("model: field 0 is wrong") and len(str(error)) <= MESSAGE
    assert error.problems == tuple(map(printable, problems))
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_no_error_class_goes_past_the_check() -> None:
    def below(kind: type[ScaleGMNError]) -> list[type[ScaleGMNError]]:
        return [kind, *(lower for direct in kind.__subclasses__() for lower in below(direct))]

    assert {kind.__init__ for kind in below(ScaleGMNError)} == {ScaleGMNError.__init__}


def test_what_is_counted_is_one_or_several() -> None:
    assert [how_many(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
