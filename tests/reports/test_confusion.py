from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalegmn.reports import draw_confusion, save_figure
from scalegmn.reports._confusion import ConfusionError


def test_counts_stand_in_their_cells(tmp_path: Path) -> None:
    counts = np.array([[8, 2, 0], [0, 5, 0], [0, 0, 0]])
    figure = draw_confusion(counts, ["cat", "dog", "bird of prey"], title="Animals")
    axes = figure.axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "8", (1, 0): "2", (1, 1): "5"}
    # Colors are fractions of the row; a class without examples has none.
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2, 0], [0, 1, 0], [0, 0, 0]])
    assert axes.get_title(loc="left") == "Animals"
    assert save_figure(figure, tmp_path / "confusion.png").stat().st_size > 1000


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (2,)])
def test_counts_must_fit_the_names(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfusionError, match="for 2 names"):
        draw_confusion(np.zeros(shape, int), ["a", "b"])
