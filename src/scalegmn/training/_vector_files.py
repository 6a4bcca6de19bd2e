"""Vectors of networks, and their points in the plane, on disk."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pyarrow as pa

from scalegmn.disk import make_folder, replace_file
from scalegmn.populations import to_parquet
from scalegmn.training._row_files import write_rows


@final
@dataclass(frozen=True, eq=False)
class EmbeddedNetworks:
    """What was found out about some networks.

    Attributes:
        rows: of the networks in their population, or of their files, ``(n,)``.
        files: of the networks; None where all are in one population.
        vectors: ``(n, width)``.
        points: ``(n, 2)``.
        column: name and values of what colors the points, ``(n,)``; None for nothing.
        notes: of each network.
        errors: rows about networks that have no vector.
    """

    rows: np.ndarray
    files: tuple[str, ...] | None
    vectors: np.ndarray
    points: np.ndarray
    column: tuple[str, np.ndarray] | None
    notes: tuple[tuple[str, ...], ...]
    errors: tuple[dict[str, Any], ...]

    def write(self, picture: Path) -> tuple[Path, Path, Path]:
        """Write the points as CSV, and the vectors as ``.npz`` and Parquet, beside a picture of this name.

        In the ``.npz`` file lie ``vectors``, ``points``, ``numbers`` and, for files, ``files``.  The Parquet
        file has a row for each network, with a list in the column ``vector``.
        """
        table, arrays, parquet = (picture.with_suffix(suffix) for suffix in (".csv", ".npz", ".parquet"))
        write_rows(table, self._rows())
        content = io.BytesIO()
        named = {"vectors": self.vectors, "points": self.points, "numbers": self.rows}
        if self.files is not None:
            named["files"] = np.array(self.files)
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in named.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                archive.writestr(f"{name}.npy", member.getvalue())
        make_folder(picture.parent)
        replace_file(arrays, content.getvalue())
        replace_file(parquet, to_parquet(self._table()))
        return table, arrays, parquet

    def _rows(self) -> list[dict[str, Any]]:
        columns = self._columns()
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        for row, notes in zip(rows, self.notes, strict=True):
            row["x"], row["y"] = float(f"{row['x']:.6g}"), float(f"{row['y']:.6g}")
            if notes:
                row["notes"] = notes
        return sorted([*rows, *self.errors], key=lambda row: row["row"])

    def _columns(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"row": self.rows.tolist()}
        if self.files is not None:
            columns["file"] = list(self.files)
        columns |= {"x": self.points[:, 0].tolist(), "y": self.points[:, 1].tolist()}
        if self.column is not None:
            name, values = self.column
            columns[f"{name}_column" if name in (*columns, "vector") else name] = values.tolist()
        return columns

    def _table(self) -> pa.Table:
        width = self.vectors.shape[1]
        flat = pa.array(np.ascontiguousarray(self.vectors, np.float64).reshape(-1))
        vectors = pa.FixedSizeListArray.from_arrays(flat, width)
        return pa.table({**{name: pa.array(v) for name, v in self._columns().items()}, "vector": vectors})
