"""The filters beside other libraries, on real images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from scalegmn.editing.edits import Blur, Dilation, Erosion, Gradient, ImageEdit, Rotation
from scalegmn.errors import ConfigurationError
from scalegmn.images import load_images


def digits(count: int = 40) -> np.ndarray:
    """Real images that fill their frame, so that edges count: ``(n, 24, 16)`` from 8 x 8 digits."""
    images = load_images("digits").unit().numpy()[: 6 * count]
    return images.reshape(count, 3, 2, 8, 8).transpose(0, 1, 3, 2, 4).reshape(count, 24, 16)


def colored() -> np.ndarray:
    return np.stack([digits(10), digits(20)[10:], digits(30)[20:]], axis=-1)


def pillow(images: np.ndarray, kind: ImageFilter.Filter) -> np.ndarray:
    pixels = np.rint(images * 255).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).filter(kind)) for one in pixels]) / 255


@pytest.mark.parametrize("size", [3, 5])
def test_dilation_and_erosion_are_those_of_pillow(size: int) -> None:
    images = digits()
    largest, smallest = (
        pillow(images, ImageFilter.MaxFilter(size)),
        pillow(images, ImageFilter.MinFilter(size)),
    )
    assert np.abs(largest - images).max() > 0.5
    np.testing.assert_allclose(Dilation(size=size)(images), largest, atol=1e-6)
    np.testing.assert_allclose(Erosion(size=size)(images), smallest, atol=1e-6)
    np.testing.assert_allclose(Gradient(size=size)(images), largest - smallest, atol=1e-6)


def test_dilating_twice_takes_the_larger_square() -> None:
    images = digits()
    np.testing.assert_array_equal(Dilation(iterations=2)(images), Dilation(size=5)(images))
    np.testing.assert_array_equal(Erosion(iterations=2)(images), Erosion(size=5)(images))


def test_a_single_bright_pixel_grows_to_nine() -> None:
    image = np.zeros((1, 7, 7), np.float32)
    image[0, 3, 2] = 0.5
    expected = np.zeros((1, 7, 7), np.float32)
    expected[0, 2:5, 1:4] = 0.5
    np.testing.assert_array_equal(Dilation()(image), expected)
    np.testing.assert_array_equal(Gradient()(image), expected)
    assert (Erosion()(image) == 0).all()


def test_blur_is_a_gaussian() -> None:
    image = np.zeros((1, 41, 41), np.float32)
    image[0, 20, 20] = 1.0
    blurred = Blur(sigma=2.0)(image)[0]
    rows, columns = np.indices((41, 41)) - 20
    expected = np.exp(-(rows**2 + columns**2) / (2 * 2.0**2))
    np.testing.assert_allclose(blurred, expected / expected.sum(), atol=1e-4)
    assert blurred.sum() == pytest.approx(1.0, abs=1e-5)


def test_rotation_is_counterclockwise() -> None:
    images = digits(6)[:, :16]
    for quarter in (1, 2, 3):
        turned = np.rot90(images, quarter, axes=(1, 2))
        np.testing.assert_allclose(Rotation(degrees=90.0 * quarter)(images), turned, atol=1e-6)


def test_rotation_by_any_angle_is_nearly_that_of_pillow() -> None:
    images = digits(6)[:, :16]
    turned = Rotation(degrees=30.0)(images)
    expected = np.stack(
        [np.asarray(Image.fromarray(one).rotate(30, Image.Resampling.BILINEAR)) for one in images]
    )
    # They treat the outermost pixels differently.
    inside = (slice(None), slice(3, -3), slice(3, -3))
    np.testing.assert_allclose(turned[inside], expected[inside], atol=1e-3)
    assert np.abs(turned - images).max() > 0.5


@pytest.mark.parametrize("edit", [Dilation(), Erosion(), Gradient(), Blur(), Rotation()])
def test_channels_and_images_are_edited_alone(edit: ImageEdit) -> None:
    images = colored()
    edited = edit(images)
    assert edited.shape == images.shape
    assert edited.dtype == np.float32
    for channel in range(3):
        np.testing.assert_allclose(edited[..., channel], edit(images[..., channel]), atol=1e-6)
    np.testing.assert_allclose(edited[3:4], edit(images[3:4]), atol=1e-6)
    assert edited.min() >= 0
    assert edited.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Dilation(size=2), "size is 2"),
        (lambda: Erosion(size=-1, iterations=0), "iterations is 0"),
        (lambda: Gradient(size=4), "odd"),
        (lambda: Blur(sigma=0.0), "sigma"),
        (lambda: Rotation(degrees=float("nan")), "degrees"),
    ],
)
def test_impossible_parameters_are_refused(make: object, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        make()  # type: ignore[operator]
