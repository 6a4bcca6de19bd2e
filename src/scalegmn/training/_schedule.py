"""The learning rate as a function of the step alone, so that resuming needs no memory of it."""

from __future__ import annotations

import math

from scalegmn.training._config import Schedule

_CYCLE_RISE = 0.3
_CYCLE_START = 1 / 25
_CYCLE_END = 1e-5


def learning_rate_factor(step: int, *, schedule: Schedule, warmup_steps: int, total_steps: int) -> float:
    """The factor of the highest learning rate at `step`, counted from 0.

    The warm-up is a straight line that reaches 1 with its last step.
    """
    if schedule is Schedule.one_cycle:
        return _one_cycle(step / max(1, total_steps - 1))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule is Schedule.constant:
        return 1.0
    return _blend(1.0, 0.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))


def _one_cycle(done: float) -> float:
    if done < _CYCLE_RISE:
        return _blend(_CYCLE_START, 1.0, done / _CYCLE_RISE)
    return _blend(1.0, _CYCLE_END, (done - _CYCLE_RISE) / (1 - _CYCLE_RISE))


def _blend(start: float, end: float, done: float) -> float:
    """Interpolate from `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0))) / 2
