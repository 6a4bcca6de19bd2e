"""Arrays that are data, as NumPy reads them, and bombs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scalegmn.checkpoints import read_arrays
from scalegmn.errors import CheckpointError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_of_numpy(tmp_path: Path, save: object) -> None:
    arrays = {
        "big": np.arange(6, dtype=">i4").reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "truth": np.array([True, False]),
        "bytes": np.arange(5, dtype=np.uint8),
        "empty": np.zeros((0, 3), np.float32),
        "one": np.array(7),
    }
    save(tmp_path / "x.npz", **arrays)  # type: ignore[operator]
    found = read_arrays(tmp_path / "x.npz", max_bytes=10**6)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].shape == array.shape and np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype.newbyteorder("=") and found[name].flags.writeable


def test_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.zeros(10**6))
    with pytest.raises(CheckpointError, match=r"x\.npz: cannot be read as \.npz: the archive unpacks to"):
        read_arrays(path, max_bytes=10**6)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(CheckpointError, match="promises"):
        read_arrays(path, max_bytes=10**6)
