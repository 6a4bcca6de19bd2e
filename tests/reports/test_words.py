"""What columns are called on axes."""

from __future__ import annotations

import pytest

from scalegmn.reports import in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [("auroc", "AUROC"), ("asr", "attack success rate (ASR)"), ("test_accuracy", "test accuracy")],
)
def test_names_in_words(name: str, words: str) -> None:
    assert in_words(name) == words
