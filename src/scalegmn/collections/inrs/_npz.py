"""Sine networks of 28 x 28 images, a thousand to a file: ``{train,test}-{number}.npz``.

Arrays ``seq.0.weight (N, 32, 2)``, ``seq.0.bias (N, 32)`` and so on, `label`, `index` (the image's number in
the training or test set) and `mse` (of the reconstruction), N values each.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, final

import numpy as np
import torch
from torch import Tensor

from scalegmn.checkpoints import read_arrays
from scalegmn.collections import (
    CLASSES,
    Collection,
    CollectionFile,
    CollectionListing,
    LoadedNetworks,
    RefusedFile,
    Value,
    check_same_function,
    existing_folder,
    visible,
)
from scalegmn.disk import create_file, make_folder
from scalegmn.errors import CheckpointError, PopulationError
from scalegmn.networks import Architecture, siren

_ARCHITECTURE = siren()
# A thousand networks take 5 MB.
_MOST_BYTES: Final = 2**28
_FILE = re.compile(r"(?P<split>train|test)-(?P<first>\d+)\.npz")


@final
@dataclass(frozen=True)
class NpzInrs(Collection):
    """The collection; columns `label`, `image`, `split`, `copy` (0), `mse` and `psnr`, as a maker's."""

    name = "npz_inrs"
    title: ClassVar[str] = "packed INRs"
    networks_per_file: ClassVar[int] = 1000

    @property
    def architecture(self) -> Architecture:
        """2-32-32-1 with sines of frequency 30, plus 0.5."""
        return _ARCHITECTURE

    def scan(self, folder: Path) -> CollectionListing:
        entries, refused = [], []
        for path in visible(existing_folder(folder, self.title)):
            found = _FILE.fullmatch(path.name)
            if found is None:
                refused.append(RefusedFile(path.name, "unknown name; expected {train,test}-{number}.npz"))
            else:
                columns: dict[str, Value] = {"split": found["split"], "image": int(found["first"])}
                entries.append(CollectionFile(path, path.name, columns))
        entries.sort(key=lambda entry: (entry.columns["split"] == "test", entry.columns["image"]))
        return CollectionListing(tuple(entries), tuple(refused))

    def read(self, entry: CollectionFile) -> LoadedNetworks:
        arrays = read_arrays(entry.path, max_bytes=_MOST_BYTES)
        names = [parameter.name for parameter in self.architecture.parameters]
        expected = [*names, "label", "index", "mse"]
        if set(arrays) != set(expected):
            raise CheckpointError(
                f"{entry.path}: has the arrays {sorted(arrays)}, expected {sorted(expected)}"
            )
        rows = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if len(set(rows.values())) != 1:
            raise CheckpointError(f"{entry.path}: its arrays differ in the number of networks: {rows}")
        for name in ("label", "index", "mse"):
            if arrays[name].ndim != 1 or arrays[name].dtype.kind not in ("f" if name == "mse" else "iu"):
                raise CheckpointError(
                    f"{entry.path}: {name!r} has type {arrays[name].dtype}, {arrays[name].ndim} axes"
                )
        good, refused = self._judge(arrays, entry, names)
        state = {name: _tensor(arrays[name][good], name, entry.path) for name in names}
        mse = arrays["mse"][good].astype(np.float64)
        columns = {
            "label": arrays["label"][good].astype(np.int64),
            "image": arrays["index"][good].astype(np.int64),
            "split": np.full(len(mse), entry.columns["split"]),
            "copy": np.zeros(len(mse), np.int64),
            "mse": mse,
            "psnr": -10 * np.log10(np.maximum(mse, 1e-12)),
        }
        theta = self.architecture.flatten(state, origin=str(entry.path))
        return LoadedNetworks(self.architecture, theta, columns, tuple(refused))

    @staticmethod
    def _judge(
        arrays: Mapping[str, np.ndarray], entry: CollectionFile, names: list[str]
    ) -> tuple[np.ndarray, list[RefusedFile]]:
        """Which networks of a file can be used, and why not the others."""
        labels = arrays["label"].astype(np.int64)
        labeled = (labels >= 0) & (labels < CLASSES)
        finite = np.isfinite(arrays["mse"])
        for name in names:
            if arrays[name].dtype.kind == "f":
                finite &= np.isfinite(arrays[name].reshape(len(finite), -1)).all(axis=1)
        refused = []
        for row in np.flatnonzero(~(labeled & finite)).tolist():
            label = f"label {labels[row]}, expected 0 to {CLASSES - 1}"
            reason = "NaN or infinite numbers" if labeled[row] else label
            refused.append(RefusedFile(f"{entry.name}, network {row}", reason))
        return labeled & finite, refused

    def file_name(self, row: Mapping[str, Value]) -> str:
        self.refuse_copies(row)
        if row["split"] not in ("train", "test"):
            raise PopulationError(f"{self.title} know the splits train and test, not {row['split']!r}")
        return f"{row['split']}-{int(row['image']):05d}.npz"

    def save(self, path: Path, networks: LoadedNetworks) -> None:
        check_same_function(networks.architecture, self.architecture, str(path))
        missing = [name for name in ("label", "image", "mse") if name not in networks.columns]
        if missing:
            raise PopulationError(f"{path}: the networks have no columns {missing}, which this format needs")
        arrays = {k: v.numpy() for k, v in self.architecture.unflatten(networks.theta.float()).items()}
        arrays["label"] = networks.columns["label"].astype(np.uint8)
        arrays["index"] = networks.columns["image"].astype(np.int32)
        arrays["mse"] = networks.columns["mse"].astype(np.float32)
        content = io.BytesIO()
        np.savez(content, **arrays)  # type: ignore[arg-type]
        make_folder(path.parent)
        create_file(path, content.getvalue())


def _tensor(array: np.ndarray, name: str, path: Path) -> Tensor:
    if array.dtype.kind != "f":
        raise CheckpointError(f"{path}: {name!r} has dtype {array.dtype}, expected floating point")
    return torch.from_numpy(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")))
