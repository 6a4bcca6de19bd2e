"""What a metanetwork is asked to do: targets, loss, metrics, and how the outcome is reported."""

from __future__ import annotations

from scalegmn.tasks.classification import Classification
from scalegmn.tasks.task import Report, Task

__all__ = ["Classification", "Report", "Task"]
