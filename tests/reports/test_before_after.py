"""Figures of models before and after, as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.collections import PathCollection

from scalegmn.errors import ScaleGMNError
from scalegmn.reports import BeforeAfter, draw_before_after, save_figure

MODELS = [
    BeforeAfter(name="one", before=0.8, after={"moved": 0.8, "wider": 0.6}),
    BeforeAfter(name="two", before=0.7, after={"moved": None, "wider": 0.5}),
    BeforeAfter(name="three", before=None, after={"moved": None, "wider": None}),
]


def test_every_model_has_a_row_and_every_change_a_mark(tmp_path: Path) -> None:
    figure = draw_before_after(MODELS, label="AUROC", title="Networks")
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two", "three"]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "as they are",
        "moved",
        "wider",
        "cannot read it",
    ]
    low, high = axes.get_xlim()
    assert low < 0.5 and high > 0.8
    marks = [one for one in axes.collections if isinstance(one, PathCollection)]
    places = [tuple(one.get_offsets()[0]) for one in marks]
    # What cannot be read stands left of all figures.
    assert sorted(round(float(x), 3) for x, _ in places)[-3:] == [0.5, 0.6, 0.8]
    assert sum(float(x) < 0.5 for x, _ in places) == 3
    assert save_figure(figure, tmp_path / "picture.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "models",
    [
        [],
        MODELS[2:],
        [MODELS[0], BeforeAfter(name="other", before=0.5, after={"moved": 0.5})],
        [BeforeAfter(name="many", before=0.5, after={str(number): 0.5 for number in range(19)})],
        [BeforeAfter(name="none", before=0.5, after={})],
    ],
)
def test_nothing_and_too_much_is_refused(models: list[BeforeAfter]) -> None:
    with pytest.raises(ScaleGMNError, match="expected one figure at least, and the same 1 to 18 changes"):
        draw_before_after(models, label="AUROC")
