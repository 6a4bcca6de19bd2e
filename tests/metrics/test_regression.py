from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from scalegmn.metrics import KendallTau, MeanAbsolute, kendall_tau
from scalegmn.seeding import generator


def cases() -> tuple[Tensor, Tensor]:
    targets = torch.rand(50, generator=generator(0)).mul(20).round() / 20
    return (targets + 0.2 * torch.randn(50, generator=generator(1)))[:, None], targets


def test_tau_is_over_all_batches_not_a_mean_of_theirs() -> None:
    outputs, targets = cases()
    metric = KendallTau()
    for part in torch.arange(50).split(7):
        metric.update(outputs[part], targets[part])
    assert float(metric.compute()) == pytest.approx(kendall_tau(targets.numpy(), outputs[:, 0].numpy()))
    metric.reset()
    metric.update(outputs[:2], torch.tensor([0.0, 1.0]))
    assert abs(float(metric.compute())) == 1


def test_tau_without_order_is_zero_and_of_nan_is_nan() -> None:
    metric = KendallTau()
    metric.update(torch.ones(3, 1), torch.tensor([0.1, 0.2, 0.3]))
    assert float(metric.compute()) == 0
    metric.update(torch.tensor([[torch.nan]]), torch.tensor([0.1]))
    assert metric.compute().isnan()


def test_error_is_in_the_unit_of_the_report() -> None:
    metric = MeanAbsolute(read=torch.sigmoid, unit=100.0)
    metric.update(torch.zeros(2, 1), torch.tensor([0.25, 0.5]))
    metric.update(torch.zeros(2, 1), torch.tensor([1.0, 0.5]))
    assert float(metric.compute()) == pytest.approx(100 * 0.75 / 4)


@pytest.mark.parametrize("kind", ["tau", "error"])
def test_processes_share_what_they_have(kind: str) -> None:
    outputs, targets = cases()
    make = {"tau": KendallTau, "error": lambda: MeanAbsolute(read=torch.sigmoid, unit=1.0)}[kind]
    parts = (slice(0, 20), slice(20, 50))
    metrics = [make() for _ in parts]
    whole = make()
    whole.update(outputs, targets)
    for metric, part in zip(metrics, parts, strict=True):
        metric.update(outputs[part], targets[part])

    # Two processes in one: every state that the first one sends meets that of the second.
    other: dict[int, Any] = {}
    for name in metrics[0]._defaults:
        mine, theirs = getattr(metrics[0], name), getattr(metrics[1], name)
        other[id(mine[0] if isinstance(mine, list) else mine)] = (
            torch.cat(theirs) if isinstance(theirs, list) else theirs
        )
    order = iter(other.values())
    metrics[0].dist_sync_fn = lambda state, group: [state, next(order)]
    metrics[0].distributed_available_fn = lambda: True
    assert torch.allclose(metrics[0].compute(), whole.compute())
