from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import run
from scalegmn.trojans.repair.defenses import FineTuning, Tuning
from scalegmn.zoo.cnns import initial_parameters
from tests.trojans.repair.defenses.cases import ARCHITECTURE, clean_images, hyper, twins


def losses(theta: torch.Tensor) -> torch.Tensor:
    images = clean_images("test")
    outputs = run(ARCHITECTURE, theta, images.inputs)
    labels = images.labels.expand(len(theta), -1)
    return torch.nn.functional.cross_entropy(outputs.transpose(1, 2), labels, reduction="none").mean(dim=1)


def test_clean_loss_falls_on_images_that_were_not_given() -> None:
    theta = initial_parameters(ARCHITECTURE, [hyper(7), hyper(8)])
    method = FineTuning(count=48, tuning=Tuning(epochs=8, batch_size=8, learning_rate=0.02))
    tuned = method.repair(ARCHITECTURE, theta, images=clean_images(), seed=0)
    assert (losses(tuned) < 0.5 * losses(theta)).all()


def test_settings_arrive() -> None:
    """Gradient descent on one batch of all images, against the step taken by hand."""
    images = clean_images().draw(12, seed=4)
    theta = twins()[:1]
    leaf = theta.clone().requires_grad_()
    outputs = run(ARCHITECTURE, leaf, images.inputs)[0]
    torch.nn.functional.cross_entropy(outputs, images.labels).backward()
    tuning = Tuning(epochs=1, batch_size=12, learning_rate=0.1, optimizer="sgd")
    found = FineTuning(count=12, tuning=tuning).repair(ARCHITECTURE, theta, images=images, seed=4)
    assert leaf.grad is not None and leaf.grad.abs().max() > 1e-4
    torch.testing.assert_close(found, theta - 0.1 * leaf.grad, rtol=1e-4, atol=1e-6)
    none = FineTuning(count=12, tuning=replace(tuning, epochs=0))
    assert torch.equal(none.repair(ARCHITECTURE, theta, images=images, seed=4), theta)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": -1}, {"batch_size": 0}, {"learning_rate": 0.0}, {"l2": -1.0}],
)
def test_impossible_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=str(next(iter(wrong.values())))):
        replace(Tuning(), **wrong)  # type: ignore[arg-type]
