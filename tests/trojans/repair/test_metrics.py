from __future__ import annotations

import pytest
import torch

from scalegmn.trojans.repair._metrics import Balance, MeanFigure
from scalegmn.trojans.repair._scenes import RepairOutputs

OUTPUTS = RepairOutputs(
    clean_loss=torch.full((3,), 1.0),
    triggered_loss=torch.full((3,), 2.0),
    c_acc=torch.tensor([0.9, 0.7, 0.8]),
    asr=torch.tensor([0.8, 0.2, 0.5]),
    ra=torch.tensor([0.1, 0.3, 0.6]),
    distance=torch.zeros(3),
)
TROJANED = torch.tensor([True, False, True])


def test_means_over_all_or_over_trojaned_networks() -> None:
    for trojaned, expected in ((False, 0.5), (True, 0.65)):
        metric = MeanFigure("asr", trojaned=trojaned)
        metric.update(OUTPUTS[:1], TROJANED[:1])
        metric.update(OUTPUTS[1:], TROJANED[1:])
        assert float(metric.compute()) == pytest.approx(expected)


def test_balance() -> None:
    metric = Balance()
    for _ in range(2):
        metric.update(OUTPUTS[:2], TROJANED[:2])
        metric.update(OUTPUTS[2:], TROJANED[2:])
        assert float(metric.compute()) == pytest.approx((0.8 + 1 - 0.65) / 2)
        metric.reset()
    metric.update(OUTPUTS[1:2], TROJANED[1:2])
    assert float(metric.compute()) == pytest.approx(0.7)
