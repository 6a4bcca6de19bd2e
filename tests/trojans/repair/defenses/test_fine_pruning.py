from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from scalegmn.errors import ConfigurationError
from scalegmn.networks import Activation, mlp
from scalegmn.trojans.repair.defenses import CleanImages, FinePruning, Tuning
from scalegmn.trojans.repair.defenses._channels import channels_of
from scalegmn.trojans.repair.defenses._last_convolution import last_maps, mean_activation
from tests.trojans.repair.defenses.cases import ARCHITECTURE, clean_images, twins

NONE = Tuning(epochs=0)


def activations(theta: torch.Tensor, images: CleanImages) -> torch.Tensor:
    """By plain convolutions."""
    state = ARCHITECTURE.unflatten(theta)
    x = images.inputs
    for name in ("conv.0", "conv.1"):
        x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"]).relu()
    return x.mean(dim=(0, 2, 3))


def test_mean_activations_are_those_of_the_last_convolution() -> None:
    images, theta = clean_images(), twins()
    many = CleanImages(images.inputs.repeat(5, 1, 1, 1), images.labels.repeat(5))
    assert last_maps(ARCHITECTURE, (1, 8, 8)).kernels == {"conv.1.weight"}
    found = mean_activation(ARCHITECTURE, theta, many)
    for own, expected in zip(found, theta, strict=True):
        torch.testing.assert_close(own, activations(expected, images))


def test_the_least_used_channels_go_while_held_back_accuracy_allows() -> None:
    theta, images, limit = twins(), clean_images(), 0.2
    method = FinePruning(count=60, limit=limit, tuning=NONE)
    gone = method.gone(ARCHITECTURE, theta, images)
    channels = channels_of(ARCHITECTURE)
    seen, back = images.parts()
    assert not gone[:, :5].any()
    counts = gone[:, 5:].sum(dim=1).tolist()
    assert len(set(counts)) > 1
    for own, out, count in zip(theta, gone, counts, strict=True):
        order = activations(own, seen).argsort() + 5
        assert set(out.nonzero().flatten().tolist()) == set(order[:count].tolist())
        before = back.accuracy(ARCHITECTURE, own[None])
        assert back.accuracy(ARCHITECTURE, channels.prune(own[None], out[None])) >= before - limit - 1e-9
        if count < 5:
            more = out.clone()
            more[order[count]] = True
            assert back.accuracy(ARCHITECTURE, channels.prune(own[None], more[None])) < before - limit
    repaired = method.repair(ARCHITECTURE, theta, images=images, seed=0)
    drawn = images.draw(60, seed=0)
    expected = channels.prune(theta, method.gone(ARCHITECTURE, theta, drawn))
    assert torch.equal(repaired, expected)


def test_one_channel_is_left_whatever_the_limit() -> None:
    gone = FinePruning(count=60, limit=1.0, tuning=NONE).gone(ARCHITECTURE, twins(), clean_images())
    assert gone[:, 5:].sum(dim=1).tolist() == [5] * 4


def test_training_follows_and_keeps_channels_out() -> None:
    theta, images = twins(), clean_images()
    method = FinePruning(count=60, limit=1.0, tuning=Tuning(epochs=4, batch_size=8))
    repaired = method.repair(ARCHITECTURE, theta, images=images, seed=0)
    gone = method.gone(ARCHITECTURE, theta, images.draw(60, seed=0))
    channels = channels_of(ARCHITECTURE)
    pruned = channels.prune(theta, gone)
    assert torch.equal(channels.prune(repaired, gone), repaired)
    assert not torch.equal(repaired, pruned)
    before, after = (images.accuracy(ARCHITECTURE, theta).mean() for theta in (pruned, repaired))
    assert after > before + 0.1


def test_networks_without_convolutions() -> None:
    with pytest.raises(ConfigurationError, match="no hidden convolution"):
        last_maps(mlp(widths=(4, 3, 2), activations=[Activation("relu")]), (4,))
