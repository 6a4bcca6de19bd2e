from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from scalegmn.reports import ContactSheetError, contact_sheet, sheet_pixels

BEFORE = np.linspace(0, 1, 3 * 30, dtype=np.float32).reshape(3, 6, 5)
TARGET = BEFORE[:, ::-1].copy()
AFTER = TARGET + 0.1


def images(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def texts(figure: Figure) -> list[str]:
    return [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()]


def names(figure: Figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]


def test_rows_are_before_target_after_and_difference() -> None:
    figure = contact_sheet(BEFORE, TARGET, AFTER, title="an edit")
    shown = images(figure)
    assert len(shown) == 12
    np.testing.assert_allclose(shown[0:3], BEFORE)
    np.testing.assert_allclose(shown[3:6], TARGET)
    np.testing.assert_allclose(shown[6:9], AFTER.clip(0, 1))
    np.testing.assert_allclose(shown[9:12], AFTER - TARGET)
    assert names(figure) == ["before", "target", "after", "after\n- target"]
    assert texts(figure) == ["1.00"] * 3
    assert figure.get_suptitle() == "an edit"


def test_without_a_target_the_change_is_shown() -> None:
    figure = contact_sheet(BEFORE, None, AFTER, captions=["a", "b", "c"])
    shown = images(figure)
    assert len(shown) == 9
    np.testing.assert_allclose(shown[6:9], AFTER - BEFORE)
    assert names(figure) == ["before", "after", "after\n- before"]
    assert texts(figure) == ["a", "b", "c"]


def test_colors() -> None:
    before, after = (np.stack([array, array**2, array**3], axis=-1) for array in (BEFORE, BEFORE[:, ::-1]))
    figure = contact_sheet(before, before, after)
    shown = images(figure)
    np.testing.assert_allclose(shown[0], before[0])
    np.testing.assert_allclose(shown[9], (after - before)[0].mean(-1))
    assert texts(figure)[0] == f"{100 * np.square(after - before)[0].mean():.2f}"


def test_as_an_image() -> None:
    pixels = sheet_pixels(contact_sheet(BEFORE[:1], TARGET[:1], AFTER[:1]))
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert pixels.min() < 50
    assert (pixels[0] == 255).all()


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ((BEFORE, TARGET[:2], AFTER), "expected the same one"),
        ((BEFORE[0], TARGET[0], AFTER[0]), "expected the same one"),
        ((BEFORE[..., None],) * 3, "expected the same one"),
        ((BEFORE[:0],) * 3, "0 networks"),
        ((np.zeros((17, 4, 4)),) * 3, "17 networks"),
    ],
)
def test_what_does_not_fit(arrays: tuple[np.ndarray, np.ndarray, np.ndarray], word: str) -> None:
    with pytest.raises(ContactSheetError, match=word):
        contact_sheet(*arrays)


def test_captions_are_one_per_network() -> None:
    with pytest.raises(ContactSheetError, match="2 captions for 3"):
        contact_sheet(BEFORE, TARGET, AFTER, captions=["a", "b"])
