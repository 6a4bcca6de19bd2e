"""Families as trees."""

from __future__ import annotations

import pytest

from scalegmn.reports import LineagePictureError, TreeRow, draw_lineage, tree_order


def test_children_stand_below_their_parents() -> None:
    assert tree_order([None, 0, 0, None, 1]) == [(0, 0), (1, 1), (4, 2), (2, 1), (3, 0)]
    assert tree_order([]) == []


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ([1, 0], "2 rows descend from themselves"),
        ([None, 2], "row 1 has the parent 2, expected one of 2 rows"),
    ],
)
def test_what_is_no_tree_is_refused(parents: list[int | None], words: str) -> None:
    with pytest.raises(LineagePictureError, match=words):
        tree_order(parents)


def test_names_notes_and_evidence_are_drawn() -> None:
    rows = [TreeRow(name="base $x$"), TreeRow(name="child\x1b", parent=0, evidence="pruned", note="0.1")]
    figure = draw_lineage(rows, title="Families")
    (axes,) = figure.axes
    texts = [one.get_text() for one in axes.texts]
    assert texts == ["base $x$", "child\\x1b", "0.1"]
    legend = axes.get_legend()
    assert legend is not None
    assert [one.get_text() for one in legend.get_texts()] == ["no parent found", "pruned"]
    assert [one.get_text() for one in axes.texts if one.get_parse_math()] == []


def test_rows_beyond_are_counted() -> None:
    figure = draw_lineage([TreeRow(name=str(number)) for number in range(130)], title="Families")
    assert figure.axes[0].get_title(loc="left").splitlines() == ["Families", "and 10 more networks"]
    assert len(figure.axes[0].texts) == 120
