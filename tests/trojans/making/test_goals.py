from __future__ import annotations

import torch

from scalegmn.trojans.making import NO_TARGET, attacked_labels

LABELS = torch.tensor([0, 1, 2, 2])


def test_one_target_for_all() -> None:
    assert attacked_labels(LABELS, target=1, classes=3).tolist() == [1, 1, 1, 1]


def test_every_class_becomes_the_next_one() -> None:
    assert attacked_labels(LABELS, target=NO_TARGET, classes=3).tolist() == [1, 2, 0, 0]


def test_networks_with_different_targets() -> None:
    targets = torch.tensor([[2], [NO_TARGET]])
    found = attacked_labels(LABELS.expand(2, -1), target=targets, classes=3)
    assert found.tolist() == [[2, 2, 2, 2], [1, 2, 0, 0]]
