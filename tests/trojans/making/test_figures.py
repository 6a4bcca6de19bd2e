from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Dense, Flatten, LayeredArchitecture
from scalegmn.trojans.making import trojan_figures

# Three pixels, of which each class has one: the brightest pixel is the prediction.
READER = LayeredArchitecture((Flatten(), Dense("out", 3, 3)))


def one_hot(*classes: int) -> torch.Tensor:
    return torch.eye(3)[list(classes)].view(-1, 1, 1, 3)


def reader(scale: float = 1.0) -> torch.Tensor:
    return READER.flatten({"out.weight": scale * torch.eye(3), "out.bias": torch.zeros(3)}, origin="test")[
        None
    ]


def test_figures_by_their_definitions() -> None:
    labels = torch.tensor([0, 0, 1, 2, 2, 2])
    clean = one_hot(0, 1, 1, 2, 2, 0)
    # The images of the target class 2 prediction 2 as well, which must not count.
    triggered = one_hot(2, 0, 2, 2, 2, 2)
    theta = torch.cat([reader(), -reader()])
    found = trojan_figures(READER, theta, clean=clean, triggered=triggered, labels=labels, target=2)
    assert found.c_acc[0] == pytest.approx(4 / 6)
    assert found.asr[0] == pytest.approx(2 / 3)
    assert found.ra[0] == pytest.approx(1 / 3)
    # The second network returns a darkest pixel, the first one of them.
    assert found.asr[1] == 0
    assert found.finite.tolist() == [True, True]


def test_more_images_than_are_judged_at_once() -> None:
    labels = torch.arange(700) % 3
    figures = trojan_figures(
        READER,
        reader(),
        clean=one_hot(*labels.tolist()),
        triggered=one_hot(*([1] * 700)),
        labels=labels,
        target=1,
    )
    assert (figures.c_acc[0], figures.asr[0], figures.ra[0]) == (1, 1, 0)


def test_infinite_outputs_are_noticed() -> None:
    theta = torch.cat([reader(), reader(3e38)])
    images = 10 * one_hot(0, 1)
    labels = torch.tensor([0, 1])
    found = trojan_figures(READER, theta, clean=images, triggered=images, labels=labels, target=0)
    assert found.finite.tolist() == [True, False]
    assert torch.isfinite(found.asr).all()


def test_images_of_the_target_alone_cannot_judge() -> None:
    images = one_hot(2, 2)
    with pytest.raises(
        ConfigurationError, match="none of the 2 images is of another class than the target 2"
    ):
        trojan_figures(
            READER, reader(), clean=images, triggered=images, labels=torch.tensor([2, 2]), target=2
        )
