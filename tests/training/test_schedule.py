from __future__ import annotations

import pytest
import torch

from scalegmn.training import Schedule
from scalegmn.training._schedule import learning_rate_factor


def factor(step: int, schedule: Schedule) -> float:
    return learning_rate_factor(step, schedule=schedule, warmup_steps=10, total_steps=100)


@pytest.mark.parametrize("schedule", [Schedule.constant, Schedule.cosine])
def test_warmup_is_a_straight_line(schedule: Schedule) -> None:
    assert [factor(step, schedule) for step in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])


def test_constant_stays() -> None:
    assert {factor(step, Schedule.constant) for step in (10, 50, 99, 1000)} == {1.0}


def test_cosine_falls_to_zero() -> None:
    values = [factor(step, Schedule.cosine) for step in range(10, 101)]
    assert values == sorted(values, reverse=True)
    assert values[0] == 1.0
    assert values[-1] == pytest.approx(0.0, abs=1e-12)


def test_one_cycle_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=101, final_div_factor=4e3
    )
    for step in range(101):
        expected = optimizer.param_groups[0]["lr"]
        found = learning_rate_factor(step, schedule=Schedule.one_cycle, warmup_steps=10, total_steps=101)
        # torch's peak is one step before 30 % of the steps.
        assert found == pytest.approx(expected, abs=0.04)
        optimizer.step()
        reference.step()


def test_no_warmup() -> None:
    assert learning_rate_factor(0, schedule=Schedule.constant, warmup_steps=0, total_steps=1) == 1.0
