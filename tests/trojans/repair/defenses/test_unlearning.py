from __future__ import annotations

import pytest
import torch
from torch import Tensor

from scalegmn.networks import run
from scalegmn.trojans.repair.defenses import ClassImages, TriggerUnlearning, UnlearningConfig
from scalegmn.zoo.cnns import network_inputs
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TARGET, TRIGGER, clean_images, pixels_of, twins
from tests.trojans.repair.program_cases import NORMED, program, program_twins

# The trigger is a ninth of these images, so changes have to be long.
LONG = {"least": 0.3, "largest": 0.9, "learning_rate": 0.03, "images": 12, "changed_images": 6}


def method(**changed: float | int) -> TriggerUnlearning:
    images = clean_images()
    known = ClassImages.fit(images.inputs, images.labels, clusters=2, components=8)
    return TriggerUnlearning(known, UnlearningConfig(**{**LONG, **changed}))  # type: ignore[arg-type]


def success(theta: Tensor) -> float:
    pixels, labels = pixels_of("test")
    triggered = network_inputs(TRIGGER.apply(pixels[labels != TARGET]))
    answers = run(ARCHITECTURE, theta[None], triggered)[0].argmax(1)
    return float((answers == TARGET).double().mean())


@pytest.mark.slow
def test_the_trigger_is_unlearned_and_the_images_are_not() -> None:
    theta, pixels = twins()[:1], network_inputs(pixels_of("test")[0])
    unlearning = method(steps=40, weight=1.0)
    assert unlearning.targets(ARCHITECTURE, theta).tolist() == [TARGET]
    found = unlearning.repair(ARCHITECTURE, theta, images=None, seed=0)
    assert success(theta[0]) > 0.9 and success(found[0]) < 0.4
    before, after = (run(ARCHITECTURE, one, pixels)[0].argmax(1) for one in (theta, found))
    assert float((before == after).double().mean()) > 0.5
    reached = [float(unlearning.reached(ARCHITECTURE, one, TARGET)) for one in (theta, found)]
    assert reached[1] < reached[0] - 0.2
    # Without the changed images the trigger stays.
    left = method(steps=10, weight=0.0).repair(ARCHITECTURE, theta, images=None, seed=0)
    assert success(left[0]) > 0.9


def moved(theta: Tensor, scales: Tensor, order: Tensor) -> Tensor:
    """Channels of the first layer in another order and of another size."""
    state = dict(ARCHITECTURE.unflatten(theta))
    state["conv.0.weight"] = (scales[:, None, None, None] * state["conv.0.weight"])[:, order]
    state["conv.0.bias"] = (scales * state["conv.0.bias"])[:, order]
    state["conv.1.weight"] = (state["conv.1.weight"] / scales[:, None, None])[:, :, order]
    return ARCHITECTURE.flatten(state, origin="test")


@pytest.mark.slow
def test_permuted_and_rescaled_networks_get_the_same_repair() -> None:
    theta = twins()[:1].double()
    # Not powers of two, so that rounding differs.
    scales = torch.tensor([0.3, 5.0, 1.7, 0.6, 2.2], dtype=torch.float64)
    order = torch.tensor([3, 0, 4, 2, 1])
    unlearning = method(steps=4)
    other = unlearning.unlearned(ARCHITECTURE, moved(theta, scales, order), seed=0)
    expected = moved(unlearning.unlearned(ARCHITECTURE, theta, seed=0), scales, order)
    torch.testing.assert_close(other, expected, rtol=1e-7, atol=1e-9)
    assert not torch.allclose(expected, moved(theta, scales, order), rtol=1e-3)
    together = unlearning.unlearned(ARCHITECTURE, twins()[:2].double(), seed=0)[:1]
    torch.testing.assert_close(moved(together, scales, order), expected, rtol=1e-7, atol=1e-9)


def test_statistics_of_batch_norms_stay() -> None:
    architecture, theta = program(NORMED), program_twins(NORMED)[:1]
    shape, count = architecture.example_shape(None), architecture.num_outputs
    spreads, weights = torch.full((count, 1, 1), 0.1), torch.ones(count, 1)
    known = ClassImages(torch.zeros(count, 1, *shape), torch.ones(1, *shape), spreads, weights)
    config = UnlearningConfig(steps=2, images=4, changed_images=2)
    found = TriggerUnlearning(known, config).repair(architecture, theta, images=None, seed=0)
    for one, place in zip(architecture.program.parameters, architecture.parameters, strict=True):
        same = torch.equal(found[:, place.start : place.stop], theta[:, place.start : place.stop])
        assert same or not one.buffer
    assert not torch.equal(found, theta)


@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_impossible_settings_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="learning_rate"):
        UnlearningConfig(learning_rate=value)
