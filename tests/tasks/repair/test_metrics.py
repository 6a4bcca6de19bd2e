from __future__ import annotations

import pytest
import torch

from scalegmn.tasks.repair.answers import Column
from scalegmn.tasks.repair.metrics import Balance, MeanAnswer

OUTPUTS = torch.tensor(
    [[1.0, 2.0, 0.9, 0.8, 0.1, 0.0], [1.0, 2.0, 0.7, 0.2, 0.3, 0.0], [1.0, 2.0, 0.8, 0.5, 0.6, 0.0]]
)
TARGETS = torch.tensor(
    [[0.0, -1, 1, 3, 0.9, 0.9, 0.0], [1, -1, 0, 3, 0.9, 0.1, 0.5], [2, -1, 1, 2, 0.8, 1.0, 0.0]]
)


def test_means_over_all_or_over_trojaned_networks() -> None:
    for trojaned, expected in ((False, 0.5), (True, 0.65)):
        metric = MeanAnswer(Column.asr, trojaned=trojaned)
        metric.update(OUTPUTS[:1], TARGETS[:1])
        metric.update(OUTPUTS[1:], TARGETS[1:])
        assert float(metric.compute()) == pytest.approx(expected)


def test_balance() -> None:
    metric = Balance()
    for _ in range(2):
        metric.update(OUTPUTS[:2], TARGETS[:2])
        metric.update(OUTPUTS[2:], TARGETS[2:])
        assert float(metric.compute()) == pytest.approx((0.8 + 1 - 0.65) / 2)
        metric.reset()
    metric.update(OUTPUTS[1:2], TARGETS[1:2])
    assert float(metric.compute()) == pytest.approx(0.7)
