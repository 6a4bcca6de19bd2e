from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from scalegmn.editing.edits import Brightness, Contrast, FunctionEdit, ImageEdit, Sharpening
from scalegmn.errors import ConfigurationError
from scalegmn.images import load_images

GRAY = load_images("digits").unit().numpy()[:20]
COLOR = np.stack([GRAY[:6], GRAY[6:12], GRAY[12:18]], axis=-1)


@pytest.mark.parametrize("images", [GRAY, COLOR], ids=["gray", "color"])
def test_they_are_those_of_pillow(images: np.ndarray) -> None:
    pictures = [Image.fromarray(np.rint(image * 255).astype(np.uint8)) for image in images]
    expected = {
        Contrast(factor=1.7): [ImageEnhance.Contrast(one).enhance(1.7) for one in pictures],
        Brightness(factor=0.4): [ImageEnhance.Brightness(one).enhance(0.4) for one in pictures],
        Sharpening(radius=2.0, percent=80): [
            one.filter(ImageFilter.UnsharpMask(2.0, 80, 0)) for one in pictures
        ],
    }
    for edit, wanted in expected.items():
        edited = edit(images)
        assert edited.dtype == np.float32
        assert np.abs(edited - images).max() > 0.05
        np.testing.assert_allclose(edited * 255, np.stack([np.asarray(one) for one in wanted]), atol=1e-3)


def test_brightness_multiplies_and_cuts() -> None:
    np.testing.assert_allclose(Brightness(factor=2.0)(GRAY), (2 * GRAY).clip(0, 1), atol=2.1 / 255)


@pytest.mark.parametrize("edit", [Contrast(factor=1.0), Brightness(factor=1.0), Sharpening(percent=0)])
def test_neutral_parameters_change_nothing(edit: ImageEdit) -> None:
    np.testing.assert_allclose(edit(GRAY), GRAY, atol=0.51 / 255)


def test_drawings_beyond_black_and_white_are_cut() -> None:
    np.testing.assert_array_equal(Brightness(factor=1.0)(np.array([[[-0.3, 1.4]]])), [[[0.0, 1.0]]])


def test_other_channels_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'contrast'.*2 channels"):
        Contrast()(np.zeros((3, 4, 4, 2)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Contrast(factor=-1.0),
        lambda: Brightness(factor=float("inf")),
        lambda: Sharpening(radius=0.0),
        lambda: Sharpening(percent=-1),
    ],
)
def test_impossible_parameters_are_refused(make: object) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        make()  # type: ignore[operator]


def test_bytes_are_no_images() -> None:
    """Cut to 0 and 1 they would all be white."""
    with pytest.raises(ConfigurationError, match=r"images have values up to 255.*divide bytes by 255"):
        Brightness()(np.full((1, 2, 2), 255.0, np.float32))
    with pytest.raises(ConfigurationError, match=r"gave values up to 255.*divide bytes by 255"):
        FunctionEdit("bytes", lambda images: (images * 255).astype(np.uint8))(np.ones((1, 2, 2), np.float32))
