"""The networks that were chosen from the files of a Small CNN Zoo, and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from scalegmn.collections import RefusedFile
from scalegmn.collections.small_cnn_zoo._layout import ZooLayout
from scalegmn.collections.small_cnn_zoo._metrics import ACTIVATIONS, RESULTS
from scalegmn.errors import PopulationError
from scalegmn.populations import ArchitectureGroup

DTYPE: Final = np.dtype("<f4")
"""Of the numbers in the file of the weights."""
# Rows that are mapped at a time; what was touched of a mapping counts as memory of the process.
_PIECE: Final = 256


@final
@dataclass(frozen=True, eq=False)
class ZooFolder:
    """The files of a zoo that fit together, and the networks chosen from them.

    Attributes:
        weights: the file of the weights.
        offset: byte at which its first row begins.
        layout: of a row.
        padding: of every convolution.
        table: one row per chosen network, in the order of the file.
        left_out: how many rows were not chosen, by reason.
        remarks: what a reader of the population should know.
        provenance: what was read and how, fit for JSON.
    """

    weights: Path
    offset: int
    layout: ZooLayout
    padding: int
    table: pa.Table
    left_out: Mapping[str, int]
    remarks: tuple[str, ...]
    provenance: Mapping[str, object]

    def __len__(self) -> int:
        return self.table.num_rows

    def read(self, start: int, stop: int) -> tuple[list[ArchitectureGroup], list[RefusedFile]]:
        """Some of the chosen networks: one group per activation, and what was refused.

        Raises:
            PopulationError: the file of the weights ends too early.
        """
        part = self.table.slice(start, stop - start)
        groups, refused = [], []
        for activation in ACTIVATIONS:
            table = part.filter(pc.equal(part["activation"], activation))
            rows = table["row"].to_numpy()
            theta = self._theta(rows)
            sound = np.isfinite(theta).all(axis=1)
            reasons = ["NaN or infinite weights" if not fine else "" for fine in sound]
            for name in RESULTS:
                values = table[name].to_numpy()
                for i in np.flatnonzero(~np.isfinite(values)).tolist():
                    reasons[i] += f"{', ' if reasons[i] else ''}{name} is {values[i]}"
            refused += [
                RefusedFile(f"{self.weights.name}, row {row}", why)
                for row, why in zip(rows.tolist(), reasons, strict=True)
                if why
            ]
            good = np.array([not why for why in reasons], bool)
            if not good.all():
                theta, table = theta[good], table.filter(pa.array(good))
            if len(theta):
                architecture = self.layout.architecture(activation=activation, padding=self.padding)
                columns = {name: table[name] for name in table.column_names}
                groups.append(ArchitectureGroup(architecture, torch.from_numpy(theta), columns))
        return groups, refused

    def _theta(self, rows: np.ndarray) -> np.ndarray:
        """Parameters ``(n, P)`` of rows in ascending order."""
        theta = np.empty((len(rows), self.layout.width), DTYPE)
        for start in range(0, len(rows), _PIECE):
            piece = rows[start : start + _PIECE]
            block = self._block(int(piece[0]), int(piece[-1]) + 1)
            theta[start : start + len(piece)] = block[piece - piece[0]][:, self.layout.order]
        return theta

    def _block(self, first: int, stop: int) -> np.ndarray:
        """Consecutive rows where they lie on the disk, ``(stop - first, P)``."""
        shape = (stop - first, self.layout.width)
        offset = self.offset + first * self.layout.width * DTYPE.itemsize
        try:
            return np.memmap(self.weights, DTYPE, "r", offset=offset, shape=shape)
        except (OSError, ValueError) as error:
            raise PopulationError(
                f"{self.weights}: cannot read rows {first} to {stop - 1} ({error}); the file was changed or "
                "truncated; restore it"
            ) from error
