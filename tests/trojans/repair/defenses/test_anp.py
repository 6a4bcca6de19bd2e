from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import run
from scalegmn.trojans.repair.defenses import AdversarialNeuronPruning
from scalegmn.trojans.repair.defenses._anp import THRESHOLDS, chosen_threshold
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.zoo.cnns import initial_parameters, network_inputs
from tests.trojans.repair.defenses.cases import (
    ARCHITECTURE,
    TARGET,
    TRIGGER,
    clean_images,
    hyper,
    pixels_of,
    twins,
)

CHANNELS = channels_of(ARCHITECTURE)


def loss(theta: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """On all clean images, with channels masked by hand, in double precision."""
    state = {name: value.double().clone() for name, value in ARCHITECTURE.unflatten(theta[None]).items()}
    for name, part in (("conv.0", masks[:5]), ("conv.1", masks[5:])):
        state[f"{name}.weight"] *= part[None, :, None, None, None]
        state[f"{name}.bias"] *= part[None]
    images = clean_images()
    outputs = run(ARCHITECTURE, ARCHITECTURE.flatten(state, origin="test"), images.inputs.double())[0]
    return torch.nn.functional.cross_entropy(outputs, images.labels)


def test_masks_descend_on_the_clean_loss_where_nothing_is_perturbed() -> None:
    method = AdversarialNeuronPruning(count=60, budget=0.0, steps=1, batch_size=60, learning_rate=0.02)
    # Networks that have learned nothing yet: to one that has, every channel is of use.
    theta = initial_parameters(ARCHITECTURE, [hyper(3), hyper(4)])
    masks = method.masks(ARCHITECTURE, theta, clean_images(), seed=0)
    for own, found in zip(theta, masks, strict=True):
        slopes = []
        for channel in range(11):
            step = torch.zeros(11, dtype=torch.float64)
            step[channel] = 1e-5
            ones = torch.ones(11, dtype=torch.float64)
            slopes.append((loss(own, ones + step) - loss(own, ones - step)) / 2e-5)
        expected = (1 - 0.02 * torch.stack(slopes)).clamp(0, 1).float()
        assert (expected < 1).any()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_perturbed_loss_has_its_weight() -> None:
    """With all the weight on the loss without changes the budget does not matter; otherwise it does."""
    theta, images = twins(), clean_images()

    def masks(budget: float, weight: float) -> torch.Tensor:
        method = AdversarialNeuronPruning(count=60, budget=budget, weight=weight, steps=4, batch_size=60)
        return method.masks(ARCHITECTURE, theta, images, seed=0)

    assert torch.equal(masks(0.4, 1.0), masks(0.0, 1.0))
    torch.testing.assert_close(masks(0.0, 0.2), masks(0.0, 1.0))
    assert masks(0.4, 0.2).mean() < masks(0.0, 0.2).mean() - 0.01
    for found in (masks(0.4, 0.2), masks(0.4, 0.0)):
        assert found.min() >= 0 and found.max() <= 1


def test_the_threshold_is_the_largest_that_clean_accuracy_allows() -> None:
    theta, images, limit = twins(), clean_images("test"), 0.15
    masks = torch.rand(4, 11, generator=torch.Generator().manual_seed(1))
    found = chosen_threshold(ARCHITECTURE, theta, masks, images, limit=limit)
    assert len(set(found.tolist())) > 1
    for own, mask, chosen in zip(theta, masks, found, strict=True):
        before = float(images.accuracy(ARCHITECTURE, own[None])[0])
        allowed = [
            threshold
            for threshold in THRESHOLDS
            if images.accuracy(ARCHITECTURE, CHANNELS.prune(own[None], mask[None] < threshold))[0]
            >= before - limit - 1e-9
        ]
        assert float(chosen) == pytest.approx(max(allowed))
        assert max(allowed) < max(THRESHOLDS)


def test_channels_below_the_threshold_go_and_the_others_stay() -> None:
    theta, images = twins(), clean_images().draw(60, seed=5)
    method = AdversarialNeuronPruning(count=60, steps=10, batch_size=16, learning_rate=2.0, limit=0.6)
    seen, back = images.parts()
    masks = method.masks(ARCHITECTURE, theta, seen, seed=5)
    threshold = chosen_threshold(ARCHITECTURE, theta, masks, back, limit=0.6)
    gone = masks < threshold[:, None]
    assert gone.any() and not gone.all(dim=1).any()
    found = method.repair(ARCHITECTURE, theta, images=clean_images(), seed=5)
    assert torch.equal(found, CHANNELS.prune(theta, gone))


def test_a_planted_trigger_loses_its_hold() -> None:
    """The repair never sees it; accuracy stays within what held-back images allow, and a little more."""
    theta = twins()[::2]
    pixels, labels = pixels_of("test")
    triggered = network_inputs(TRIGGER.apply(pixels))[labels != TARGET]

    def success(networks: torch.Tensor) -> torch.Tensor:
        return (run(ARCHITECTURE, networks, triggered).argmax(dim=2) == TARGET).double().mean(dim=1)

    assert success(theta).min() > 0.9
    method = AdversarialNeuronPruning(count=60, steps=60, batch_size=16, limit=0.1)
    repaired = method.repair(ARCHITECTURE, theta, images=clean_images(), seed=0)
    assert success(repaired).mean() < success(theta).mean() - 0.2


def test_impossible_settings() -> None:
    with pytest.raises(ConfigurationError, match=r"weight is 2.0, expected from 0 to 1"):
        AdversarialNeuronPruning(count=10, weight=2.0)
