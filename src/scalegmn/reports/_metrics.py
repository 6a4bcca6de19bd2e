"""The metrics of one run, epoch by epoch, as a training wrote them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scalegmn.errors import ScaleGMNError


class MetricsError(ScaleGMNError, ValueError):
    """A file of metrics is missing, damaged, or lacks what was asked for."""


@dataclass(frozen=True)
class Metrics:
    """Values by name and epoch.

    Attributes:
        origin: where they were read, for messages.
        values: per metric the epochs, ascending, each with its value.
    """

    origin: str
    values: Mapping[str, Mapping[int, float]]

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Epochs (from 0) and values of one metric.

        Raises:
            MetricsError: there is no such metric; the message lists those there are.
        """
        if name not in self.values:
            raise MetricsError(f"{self.origin}: no metric {name!r}; there are {sorted(self.values)}")
        found = self.values[name]
        return list(found), list(found.values())


def read_metrics(path: str | Path) -> Metrics:
    """Read ``metrics.csv``.

    A metric that was logged several times in an epoch counts with its mean; a resumed run may have
    logged an epoch twice, which does no harm as the values are the same.  NaN is left out.

    Raises:
        MetricsError: the file is missing or is no such table.
    """
    path = Path(path)
    if not path.is_file():
        raise MetricsError(f"{path}: there is no such file; expected the metrics.csv of a training run")
    collected: dict[str, dict[int, list[float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if "epoch" not in (reader.fieldnames or ()):
            raise MetricsError(f"{path}: has the columns {reader.fieldnames}, expected one called 'epoch'")
        for line, row in enumerate(reader, start=2):
            for name, text in row.items():
                if name in ("epoch", "step") or not text or not row["epoch"]:
                    continue
                try:
                    epoch, value = int(row["epoch"]), float(text)
                except (TypeError, ValueError) as error:
                    raise MetricsError(
                        f"{path}, line {line}: {name!r} is {text!r}, expected a number"
                    ) from error
                if not math.isnan(value):
                    collected.setdefault(name, {}).setdefault(epoch, []).append(value)
    values = {
        name: {epoch: math.fsum(found) / len(found) for epoch, found in sorted(epochs.items())}
        for name, epochs in collected.items()
    }
    return Metrics(str(path), values)
