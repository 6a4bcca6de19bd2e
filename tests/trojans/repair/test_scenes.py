from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import run
from scalegmn.trojans.making import Preparation, TrojanImages
from scalegmn.trojans.repair import LabeledImages
from scalegmn.trojans.repair import _scenes as answers
from scalegmn.trojans.repair._scenes import AttackScene, RepairImages, evaluate_networks
from scalegmn.trojans.triggers import Patch
from scalegmn.zoo.cnns import network_inputs
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TANH, TARGET, TRIGGER, pixels_of, stripes, twins

OTHER = Patch(name="white", values=np.full((1, 2, 2), 255, np.uint8), top=5, left=4)


def images_of(*, validation: int = 20) -> RepairImages:
    train, test = pixels_of("train"), pixels_of("test")
    source = TrojanImages(
        pixels={"train": train[0], "test": test[0]},
        labels={"train": train[1], "test": test[1]},
        preparation=Preparation(grayscale=True, image_size=None),
        source="stripes",
    )
    return RepairImages.from_trojan_images(source, validation=validation)


def mixed(dtype: torch.dtype = torch.float32) -> tuple[NetworkBatch, list[AttackScene]]:
    """Two architectures, and triggers and targets of their own."""
    parts = ((ARCHITECTURE, twins()[:2].to(dtype)), (TANH, twins(TANH)[:1].to(dtype)))
    images = images_of()
    scenes = [
        AttackScene(images, TRIGGER, TARGET),
        AttackScene(images, OTHER, 1),
        AttackScene(images, OTHER, 2),
    ]
    return NetworkBatch(parts, torch.arange(3)), scenes


def by_hand(batch: NetworkBatch, scenes: list[AttackScene], images: LabeledImages) -> torch.Tensor:
    networks = [(architecture, theta) for architecture, part in batch.parts for theta in part]
    rows = []
    for (architecture, theta), scene in zip(networks, scenes, strict=True):
        clean = run(architecture, theta[None], network_inputs(images.pixels))[0]
        bad = run(architecture, theta[None], network_inputs(scene.trigger.apply(images.pixels)))[0]
        others = images.labels != scene.target
        answer = bad.argmax(1)[others]
        shares = (
            clean.argmax(1) == images.labels,
            answer == scene.target,
            answer == images.labels[others],
        )
        losses = [cross_entropy(logits, images.labels) for logits in (clean, bad)]
        rows.append(torch.stack([*losses, *(share.to(theta).mean() for share in shares)]))
    return torch.stack(rows)


@pytest.mark.parametrize("block", [5, 128])
def test_losses_and_figures_by_hand(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(answers, "_BLOCK", block)
    batch, scenes = mixed()
    images = LabeledImages.from_image_set(stripes())
    with torch.no_grad():
        found = evaluate_networks(batch, scenes, images)
    names = ("clean_loss", "triggered_loss", "c_acc", "asr", "ra")
    for name, expected in zip(names, by_hand(batch, scenes, images).unbind(1), strict=True):
        torch.testing.assert_close(getattr(found, name), expected, rtol=1e-4, atol=1e-5)
    assert not found.distance.any()
    # The planted trigger works, another one does not.
    assert found.asr[0] > 0.9 > found.asr[1] + 0.3


def losses(batch: NetworkBatch, scenes: list[AttackScene], images: LabeledImages) -> torch.Tensor:
    found = evaluate_networks(batch, scenes, images)
    return (found.clean_loss + found.triggered_loss).sum()


def test_distance_to_the_twins_is_relative_to_their_size() -> None:
    batch, scenes = mixed()
    twins = [theta[0] * 2 for _, part in batch.parts for theta in part.split(1)]
    images = LabeledImages(*(part[:4] for part in (images_of().test.pixels, images_of().test.labels)))
    # A network at half of its twin: exact, because a factor of two is.
    torch.testing.assert_close(
        evaluate_networks(batch, scenes, images, twins=twins).distance, torch.full((3,), 0.25)
    )


def test_losses_are_differentiable() -> None:
    batch, scenes = mixed(torch.float64)
    leaves = [theta.clone().requires_grad_() for _, theta in batch.parts]
    pixels = images_of().learning.at(torch.arange(7))
    images = LabeledImages(pixels.pixels.double(), pixels.labels)
    gradients = torch.autograd.grad(losses(batch.with_theta(leaves), scenes, images), leaves)
    direction = [
        torch.randn(leaf.shape, generator=torch.Generator().manual_seed(0)).double() for leaf in leaves
    ]
    step = 1e-6
    with torch.no_grad():
        ends = [
            losses(
                batch.with_theta([x + s * d for x, d in zip(leaves, direction, strict=True)]), scenes, images
            )
            for s in (step, -step)
        ]
    slope = (ends[0] - ends[1]) / (2 * step)
    expected = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-6)


def test_images_for_learning_and_for_validation_differ() -> None:
    images = images_of(validation=20)
    assert (len(images.learning), len(images.validation), len(images.test)) == (40, 20, 24)
    rows = torch.cat([images.learning.pixels, images.validation.pixels]).flatten(1)
    sums = [images.double().sum(1).sort().values for images in (rows, pixels_of("train")[0].flatten(1))]
    torch.testing.assert_close(*sums)
    with pytest.raises(ConfigurationError, match="validation_images is 60, but there are 60 training images"):
        images_of(validation=60)


def test_images_of_the_attackers_class_alone_are_refused() -> None:
    batch, scenes = mixed()
    images = images_of().test
    alone = images.at(torch.nonzero(images.labels == TARGET).flatten())
    with pytest.raises(ConfigurationError, match="all 8 images are of an attacker's class"):
        evaluate_networks(batch, scenes, alone)
