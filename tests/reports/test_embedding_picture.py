from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import LogNorm

from scalegmn.reports import draw_embedding, save_figure
from scalegmn.reports._embedding_picture import EmbeddingPictureError, is_logarithmic, is_scale

POINTS = np.random.default_rng(0).normal(size=(40, 2))


def test_numbers_get_a_color_bar(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 40)
    figure = draw_embedding(POINTS, values, name="accuracy", title="Networks", axis_names=("one", "two"))
    axes, bar = figure.axes
    drawn = axes.collections[0]
    # Points are drawn in another order; each keeps its own color.
    shown = {tuple(point): value for point, value in zip(drawn.get_offsets(), drawn.get_array(), strict=True)}  # type: ignore[arg-type]
    assert shown == {tuple(point): value for point, value in zip(POINTS, values, strict=True)}
    assert bar.get_ylabel() == "accuracy"
    assert (axes.get_xlabel(), axes.get_title(loc="left")) == ("one", "Networks")
    assert not isinstance(drawn.norm, LogNorm)
    assert save_figure(figure, tmp_path / "embedding.png").stat().st_size > 1000


def test_numbers_over_decades_get_a_logarithmic_bar() -> None:
    figure = draw_embedding(POINTS, np.logspace(-4, -1, 40), name="learning rate")
    assert isinstance(figure.axes[0].collections[0].norm, LogNorm)
    # Drawn from a range of a factor of 100, and therefore spanning a little less.
    assert is_logarithmic(np.logspace(-3.3, -1.32, 40))
    with_zero = np.logspace(-4, -1, 40)
    with_zero[0] = 0
    assert not is_logarithmic(with_zero)
    # Accuracies span much, but are spread evenly.
    assert not is_logarithmic(np.linspace(0.01, 0.8, 40))
    assert not is_logarithmic(np.full(3, np.nan))


@pytest.mark.parametrize(
    "values", [np.array(["sgd", "adam"] * 20, object), np.arange(40) % 2, np.arange(40) % 2 == 0]
)
def test_categories_get_a_key(values: np.ndarray) -> None:
    figure = draw_embedding(POINTS, values, name="optimizer")
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == sorted(map(str, np.unique(values)))
    assert figure.legends[0].get_title().get_text() == "optimizer"
    assert sum(len(np.asarray(part.get_offsets())) for part in figure.axes[0].collections) == 40
    assert len(figure.axes) == 1


def test_whole_numbers_of_many_kinds_are_a_scale() -> None:
    assert is_scale(np.arange(40))
    assert not is_scale(np.arange(40) % 12)
    assert is_scale(np.array([0.5, 0.5]))


def test_what_is_missing_is_gray() -> None:
    values = np.linspace(0, 1, 40)
    values[:5] = np.nan
    parts = draw_embedding(POINTS, values).axes[0].collections
    assert sorted(len(np.asarray(part.get_offsets())) for part in parts) == [5, 35]
    draw_embedding(POINTS, np.full(40, np.nan))
    figure = draw_embedding(POINTS, np.array(["a", None] * 20, object))
    assert len(figure.legends[0].get_texts()) == 2


def test_without_values_there_is_one_color() -> None:
    figure = draw_embedding(POINTS)
    assert len(figure.axes) == 1
    assert not figure.legends


@pytest.mark.parametrize(
    ("points", "values", "match"),
    [
        (np.zeros((0, 2)), None, r"\(0, 2\)"),
        (np.zeros((3, 3)), None, r"\(3, 3\)"),
        (np.full((3, 2), np.nan), None, "not finite"),
        (np.zeros((3, 2)), np.zeros(2), r"values of shape \(2,\) for 3 points"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    points: np.ndarray, values: np.ndarray | None, match: str
) -> None:
    with pytest.raises(EmbeddingPictureError, match=match):
        draw_embedding(points, values)
