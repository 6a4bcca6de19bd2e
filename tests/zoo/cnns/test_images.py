from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError, ImageSourceError
from scalegmn.images import ImageSet
from scalegmn.zoo.cnns import _images as cnn_images
from scalegmn.zoo.cnns import halves, network_inputs, prepared_images, unit_pixels
from tests.zoo.cnns.cnn_cases import some_images


def test_values_reach_from_minus_one_to_one() -> None:
    pixels = np.array([[[0, 255], [51, 204]]], np.uint8)
    images = ImageSet(pixels, np.array([0]), np.array(["train"]), "two")
    wanted = torch.tensor([[[[-1.0, 1.0], [-0.6, 0.6]]]])
    torch.testing.assert_close(prepared_images(images), wanted)


def test_colors_are_channels_or_averaged() -> None:
    images = some_images(color=True)
    color = prepared_images(images, grayscale=False)
    assert color.shape == (34, 3, 8, 8)
    value = int(images.images[5, 1, 2, 0])
    torch.testing.assert_close(float(color[5, 0, 1, 2]), value / 127.5 - 1, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(prepared_images(images), color.mean(dim=1, keepdim=True))


def test_smaller_images_are_averages() -> None:
    images = some_images()
    pixels = prepared_images(images)
    halved = prepared_images(images, image_size=4)
    assert halved.shape == (34, 1, 4, 4)
    torch.testing.assert_close(halved[3, 0, 1, 2], pixels[3, 0, 2:4, 4:6].mean())
    assert torch.equal(prepared_images(images, image_size=8), pixels)


@pytest.mark.parametrize("size", [0, 9])
def test_images_are_only_reduced(size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"image_size is {size}, expected 1 to 8"):
        prepared_images(some_images(), image_size=size)


def test_many_images_are_prepared_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some_images(color=True)
    whole, pixels = prepared_images(images, image_size=4), unit_pixels(images)
    inputs = network_inputs(pixels, image_size=4)
    monkeypatch.setattr(cnn_images, "_BLOCK", 7)
    torch.testing.assert_close(prepared_images(images, image_size=4), whole)
    torch.testing.assert_close(network_inputs(pixels, image_size=4), inputs)
    torch.testing.assert_close(inputs, whole)


@pytest.mark.parametrize("color", [False, True])
def test_pixels_that_triggers_take(color: bool) -> None:
    images = some_images(color=color)
    pixels = unit_pixels(images)
    assert pixels.shape == (34, 3 if color else 1, 8, 8) and pixels.is_contiguous()
    own = images.images[5, 1, 2, 2] if color else images.images[5, 1, 2]
    assert float(pixels[5, -1, 1, 2]) == pytest.approx(int(own) / 255)


def test_halves() -> None:
    images = some_images(3, 2)
    train, test = halves(images)
    assert train.tolist() == [0, 1, 2] and test.tolist() == [3, 4]
    for chosen, missing in ((train, "test"), (test, "train")):
        with pytest.raises(ImageSourceError, match=f"no {missing} images"):
            halves(images.subset(chosen))
