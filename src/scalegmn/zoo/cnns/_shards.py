"""Writing what came out of the pieces of a population as shards.

What the makers of convolutional networks have in common, whatever they train.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scalegmn.disk import sentence_of
from scalegmn.errors import DiskError, PopulationError
from scalegmn.networks import Architecture
from scalegmn.populations import ArchitectureGroup, PopulationWriter


class Row(NamedTuple):
    """One stored network: its parameters ``(P,)`` and what the table says about it."""

    architecture: Architecture
    theta: Tensor
    columns: dict[str, object]


def in_order(results: Sequence[Sequence[Row]], *, by: str) -> list[Row]:
    """The rows of all pieces in the order of a column; rows with the same value stay in order."""
    rows = [row for result in results for row in result]
    return sorted(rows, key=lambda row: row.columns[by])  # type: ignore[arg-type, return-value]


def append_rows(writer: PopulationWriter, rows: Sequence[Row], *, notes: object) -> None:
    """Write rows as one shard, architecture by architecture in the order in which these appear.

    Raises:
        PopulationError: what :meth:`PopulationWriter.append_groups` raises, or writing failed.
    """
    alike: dict[Architecture, list[Row]] = {}
    for row in rows:
        alike.setdefault(row.architecture, []).append(row)
    groups = [
        ArchitectureGroup(architecture, torch.stack([row.theta for row in own]), _table(own))
        for architecture, own in alike.items()
    ]
    with explain_disk_errors(writer.folder):
        writer.append_groups(groups, notes=notes)


@contextlib.contextmanager
def explain_disk_errors(folder: Path) -> Iterator[None]:
    """What a full disk looks like to the user: nothing that was written before is lost."""
    try:
        yield
    except (OSError, DiskError) as error:
        reason = sentence_of(error, path=folder, action="written") if isinstance(error, OSError) else error
        raise PopulationError(
            f"{reason}. What was written before is safe: make room, and resume with the same settings "
            "(--resume)"
        ) from error


def _table(rows: list[Row]) -> dict[str, np.ndarray | list[object]]:
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    return {
        name: values if isinstance(values[0], str) else np.array(values) for name, values in columns.items()
    }
