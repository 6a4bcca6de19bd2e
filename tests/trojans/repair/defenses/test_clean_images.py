from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import run
from scalegmn.trojans.repair.defenses import CleanImages
from tests.trojans.repair.defenses.cases import ARCHITECTURE, clean_images, twins


def test_fewer_images_are_the_first_of_more() -> None:
    images = clean_images()
    more, fewer = images.draw(40, seed=1), images.draw(10, seed=1)
    assert torch.equal(more.inputs[:10], fewer.inputs) and torch.equal(more.labels[:10], fewer.labels)
    assert len(more.inputs.flatten(1).unique(dim=0)) == 40
    assert not torch.equal(images.draw(10, seed=2).inputs, fewer.inputs)
    for count in (0, 61):
        with pytest.raises(ConfigurationError, match=f"{count} of 60 clean images"):
            images.draw(count, seed=0)


@pytest.mark.parametrize(("count", "back"), [(60, 12), (5, 1), (2, 1)])
def test_a_fifth_is_held_back(count: int, back: int) -> None:
    images = clean_images().draw(count, seed=0)
    seen, held = images.parts()
    assert (len(seen), len(held)) == (count - back, back)
    assert torch.equal(torch.cat([seen.inputs, held.inputs]), images.inputs)
    assert torch.equal(torch.cat([seen.labels, held.labels]), images.labels)


def test_accuracy_is_the_share_of_right_answers() -> None:
    """In more than one block of images, some of them with a wrong label."""
    theta, images = twins(), clean_images()
    many = CleanImages(images.inputs.repeat(5, 1, 1, 1), images.labels.repeat(5) * (torch.arange(300) % 2))
    for own in theta:
        answers = run(ARCHITECTURE, own[None], many.inputs)[0].argmax(dim=1)
        expected = float((answers == many.labels).double().mean())
        assert 0.3 < expected < 0.95
        assert float(many.accuracy(ARCHITECTURE, own[None])[0]) == pytest.approx(expected)
    assert many.accuracy(ARCHITECTURE, theta).shape == (4,)


def test_unfit_images() -> None:
    with pytest.raises(ConfigurationError, match=r"\(n, C, H, W\) and \(n,\)"):
        CleanImages(torch.zeros(3, 1, 8, 8), torch.zeros(2, dtype=torch.long))
    with pytest.raises(ConfigurationError, match="1 clean images cannot be split"):
        clean_images().draw(1, seed=0).parts()


def test_images_that_are_bytes_or_not_finite() -> None:
    images = clean_images()
    for inputs in (images.inputs * 255, images.inputs * torch.nan, (images.inputs * 255).byte()):
        with pytest.raises(ConfigurationError, match="divide bytes by 255"):
            CleanImages(inputs, images.labels)
