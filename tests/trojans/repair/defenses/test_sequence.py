from __future__ import annotations

import torch

from scalegmn.trojans.repair.defenses import FineTuning, MeanDifference, RepairSequence, Tuning
from tests.trojans.repair.defenses.cases import ARCHITECTURE, clean_images, twins


def test_the_second_repairs_what_the_first_made() -> None:
    theta, images = twins(), clean_images()
    first = MeanDifference().fit(ARCHITECTURE, theta[::2], theta[1::2])
    second = FineTuning(count=30, tuning=Tuning(epochs=1))
    both = RepairSequence(first, second)
    assert (both.name, both.images) == ("mean difference + fine-tuning", 30)
    between = first.repair(ARCHITECTURE, theta, images=None, seed=2)
    expected = second.repair(ARCHITECTURE, between, images=images, seed=2)
    assert torch.equal(both.repair(ARCHITECTURE, theta, images=images, seed=2), expected)
    other = RepairSequence(second, first).repair(ARCHITECTURE, theta, images=images, seed=2)
    assert not torch.allclose(other, expected)
