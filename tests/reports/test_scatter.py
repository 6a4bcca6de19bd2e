from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from scipy.stats import kendalltau

from scalegmn.reports import ScatterPanel, draw_scatter, save_figure
from scalegmn.reports._scatter import ScatterError


def panel(
    title: str = "ScaleGMN", *, count: int = 40, seed: int = 0, categories: Sequence[str] | None = None
) -> ScatterPanel:
    random = np.random.default_rng(seed)
    true = random.random(count)
    return ScatterPanel(title, true, true + 0.1 * random.normal(size=count), categories)


def drawn(axes: Axes) -> np.ndarray:
    """Points of all categories, sorted."""
    points = np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])
    return points[np.lexsort(points.T)]


def sorted_rows(shown: ScatterPanel) -> np.ndarray:
    points = np.stack([shown.true, shown.predicted], axis=1)
    return points[np.lexsort(points.T)]


def test_every_network_is_a_point_beside_the_diagonal(tmp_path: Path) -> None:
    shown = panel(categories=["relu", "tanh"] * 20)
    figure = draw_scatter([shown], label="test accuracy", category="activation", title="CNNs")
    axes = figure.axes[0]
    np.testing.assert_allclose(drawn(axes), sorted_rows(shown))
    x, y = axes.lines[0].get_data()
    assert list(x) == list(y)
    assert axes.get_xlim() == axes.get_ylim() == (x[0], x[1])
    assert axes.get_xlim()[0] < drawn(axes).min()
    assert axes.get_xlim()[1] > drawn(axes).max()
    assert axes.get_xlabel() == "true test accuracy"
    assert axes.get_ylabel() == "predicted test accuracy"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["relu", "tanh"]
    assert save_figure(figure, tmp_path / "scatter.png").stat().st_size > 1000


def test_points_have_the_color_of_their_category() -> None:
    shown = panel(categories=["relu"] * 10 + ["tanh"] * 30)
    axes = draw_scatter([shown]).axes[0]
    found: dict[tuple[float, ...], int] = {}
    for part in axes.collections:
        color = tuple(np.asarray(part.get_facecolor())[0, :3].tolist())
        found[color] = found.get(color, 0) + len(np.asarray(part.get_offsets()))
    assert sorted(found.values()) == [10, 30]


def test_figures_stand_above_the_frame() -> None:
    shown = panel()
    text = draw_scatter([shown]).axes[0].texts[0]
    tau = kendalltau(shown.true, shown.predicted).statistic
    error = np.abs(shown.true - shown.predicted).mean()
    assert f"τ = {tau:.3f}" in text.get_text()
    assert f"mean error {error:.3g}" in text.get_text()
    assert text.get_position()[1] > 1
    own = ScatterPanel("x", shown.true, shown.predicted, caption=["τ = 0.9 ± 0.1", "3 seeds"])
    assert draw_scatter([own]).axes[0].texts[0].get_text().split("    ") == ["τ = 0.9 ± 0.1", "3 seeds"]


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (4, (2, 2)), (5, (2, 3)), (7, (3, 3))]
)
def test_models_stand_side_by_side_on_the_same_axes(count: int, shape: tuple[int, int]) -> None:
    figure = draw_scatter([panel(f"model {number}", seed=number) for number in range(count)])
    axes = figure.axes
    assert axes[0].get_gridspec().get_geometry() == shape  # type: ignore[union-attr]
    shown = [one for one in axes if one.get_visible()]
    assert [one.get_title(loc="left") for one in shown] == [f"model {number}" for number in range(count)]
    assert len({one.get_xlim() for one in shown}) == 1
    # Every column is labeled at its lowest panel.
    assert sum(bool(one.get_xlabel()) for one in shown) == min(count, shape[1])


def test_numbers_over_decades() -> None:
    true = np.array([1e-4, 1e-3, 1e-2])
    axes = draw_scatter([ScatterPanel("x", true, 10 * true)], label="learning rate", log=True).axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlim()[0] > 0
    assert "mean error 1 decades" in axes.texts[0].get_text()
    with pytest.raises(ScatterError, match=r"0\.0 has no logarithm"):
        draw_scatter([ScatterPanel("x", np.array([0.0, 1.0]), np.ones(2))], log=True)


def test_networks_that_are_all_the_same() -> None:
    text = draw_scatter([ScatterPanel("x", np.ones(3), np.ones(3))]).axes[0].texts[0].get_text()
    assert "τ undefined" in text
    assert "R² undefined" in text


def test_many_points_are_drawn() -> None:
    shown = panel(count=5000, categories=["relu", "tanh"] * 2500)
    assert len(drawn(draw_scatter([shown]).axes[0])) == 5000


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ScatterError, match="2 true values with"):
        ScatterPanel("x", np.zeros(2), np.zeros(3))
    with pytest.raises(ScatterError, match="1 true values with"):
        ScatterPanel("x", np.zeros(1), np.zeros(1), ["a", "b"])
    with pytest.raises(ScatterError, match="at least one network"):
        ScatterPanel("x", np.zeros(0), np.zeros(0))
    with pytest.raises(ScatterError, match="not finite"):
        ScatterPanel("x", np.zeros(1), np.array([np.nan]))
    with pytest.raises(ScatterError, match="no panels"):
        draw_scatter([])
