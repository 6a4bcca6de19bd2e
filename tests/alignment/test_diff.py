"""What is left between two networks after alignment, where it is."""

from __future__ import annotations

import json

import pytest
import torch

from scalegmn.alignment import Aligner, diff
from scalegmn.errors import SymmetryError

from .networks import FAMILIES, architecture_of, drawn, moved

RELU = architecture_of("relu")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rewriting_is_no_difference(family: str) -> None:
    architecture = architecture_of(family)
    theta = drawn(architecture)
    found = diff(architecture, theta.float(), moved(architecture, theta).float())
    assert found.changed == 0 and found.alignment.distance_before > 0.01
    assert all(one.relative < 1e-5 and one.largest < 1e-5 for one in found.parameters)
    assert [one.name for one in found.parameters] == [one.name for one in architecture.parameters]


def test_what_was_changed_is_found_in_its_channel() -> None:
    theta = drawn(RELU)
    other = theta.clone()
    weight = RELU.parameter("4.weight")
    rows = other[weight.start : weight.stop].reshape(weight.shape)
    rows[1] *= 1.5
    found = diff(RELU, theta, moved(RELU, other))
    by_name = {one.name: one for one in found.parameters}
    changed = by_name.pop("4.weight")
    assert changed.channels == pytest.approx((0, 1 / 3, 0), abs=1e-9)
    assert changed.changed == pytest.approx(1 / 3) and changed.largest == pytest.approx(1 / 3)
    assert 0 < changed.relative < 1 / 3 < changed.before
    assert all(one.changed == 0 for one in by_name.values())
    assert found.changed == pytest.approx(7 / RELU.num_parameters)


def test_scales_do_not_change_what_is_found() -> None:
    theta = drawn(RELU)
    other = theta * (1 + 0.1 * torch.rand(theta.shape, dtype=torch.float64))
    found = [
        [one.relative for one in diff(RELU, first, second).parameters]
        for first, second in ((theta, other), (moved(RELU, theta), other), (theta, moved(RELU, other)))
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-8)
    assert found[0] == pytest.approx(found[2], rel=1e-8)


def test_the_difference_as_plain_data() -> None:
    theta = drawn(RELU)
    found = diff(RELU, theta, 1.5 * theta)
    data = json.loads(json.dumps(found.to_dict()))
    assert len(data["parameters"]) == 6 and data["parameters"][0]["shape"] == [9, 4]
    assert len(data["parameters"][0]["channels"]) == 9
    assert str(found).startswith(f"{data['changed']:.2%} of 139 numbers differ")


def test_zeros_do_not_differ() -> None:
    theta = torch.zeros(RELU.num_parameters)
    found = diff(RELU, theta, theta)
    assert found.changed == 0 and all(one.relative == 0 for one in found.parameters)


def test_an_aligner_of_another_architecture() -> None:
    theta = drawn(RELU)
    with pytest.raises(SymmetryError, match="the aligner is for"):
        diff(RELU, theta, theta, aligner=Aligner(architecture_of("tanh")))
