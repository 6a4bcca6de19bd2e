from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections import CollectionFile, LoadedNetworks
from scalegmn.collections.inrs import NpzInrs
from scalegmn.errors import CheckpointError, PopulationError
from scalegmn.networks import siren

COUNT = 6


def arrays(first: int) -> dict[str, np.ndarray]:
    """The content of a file, made without the library."""
    rng = np.random.default_rng(first)
    shapes = {"seq.0": (32, 2), "seq.1": (32, 32), "seq.2": (1, 32)}
    content = {}
    for name, shape in shapes.items():
        content[f"{name}.weight"] = rng.normal(size=(COUNT, *shape)).astype(np.float32)
        content[f"{name}.bias"] = rng.normal(size=(COUNT, shape[0])).astype(np.float32)
    content["label"] = rng.integers(0, 10, COUNT).astype(np.uint8)
    content["index"] = np.arange(first, first + COUNT, dtype=np.int32)
    content["mse"] = rng.uniform(1e-3, 1e-2, COUNT).astype(np.float32)
    return content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, first in (("train-01000", 1000), ("train-00000", 0), ("test-00000", 0)):
        np.savez(tmp_path / f"{name}.npz", **arrays(first))  # type: ignore[arg-type]
    return tmp_path


def changed(folder: Path, **changes: np.ndarray | None) -> CollectionFile:
    """The first entry, with arrays replaced or taken out."""
    entry = NpzInrs().entries(folder).entries[0]
    content = {k: v for k, v in {**arrays(0), **changes}.items() if v is not None}
    np.savez(entry.path, **content)  # type: ignore[arg-type]
    return entry


def test_networks_and_columns(folder: Path) -> None:
    listing = NpzInrs().entries(folder)
    assert [entry.name for entry in listing.entries] == [
        "train-00000.npz",
        "train-01000.npz",
        "test-00000.npz",
    ]
    networks = NpzInrs().read(listing.entries[1])
    content = arrays(1000)
    assert networks.architecture == siren()
    assert networks.theta.shape == (COUNT, 1185)
    state = networks.architecture.unflatten(networks.theta)
    assert all(np.array_equal(state[name].numpy(), content[name]) for name in state)
    assert networks.columns["label"].tolist() == content["label"].tolist()
    assert networks.columns["image"].tolist() == content["index"].tolist()
    assert set(networks.columns["split"]) == {"train"}
    np.testing.assert_allclose(networks.columns["psnr"], -10 * np.log10(content["mse"]), rtol=1e-6)


def test_saved_files_are_the_same(folder: Path, tmp_path: Path) -> None:
    networks = NpzInrs().read(NpzInrs().entries(folder).entries[1])
    assert NpzInrs().file_name(networks.row(0)) == "train-01000.npz"
    path = tmp_path / "copy" / "train-01000.npz"
    NpzInrs().save(path, networks)
    with np.load(path) as saved:
        content = arrays(1000)
        assert set(saved.files) == set(content)
        for name, value in content.items():
            assert saved[name].dtype == value.dtype and np.array_equal(saved[name], value)


def test_some_networks_of_a_file_can_be_refused(folder: Path) -> None:
    content = arrays(0)
    labels, bias, mse = content["label"].copy(), content["seq.1.bias"].copy(), content["mse"].copy()
    labels[1], bias[3, 5], mse[4] = 10, np.nan, np.inf
    networks = NpzInrs().read(changed(folder, label=labels, mse=mse, **{"seq.1.bias": bias}))
    assert networks.columns["image"].tolist() == [0, 2, 5]
    assert [refusal.name for refusal in networks.refused] == [
        f"train-00000.npz, network {row}" for row in (1, 3, 4)
    ]
    assert "label 10" in networks.refused[0].reason and "NaN" in networks.refused[1].reason


def test_damaged_files(folder: Path) -> None:
    read = NpzInrs().read
    with pytest.raises(CheckpointError, match=r"expected \['index'"):
        read(changed(folder, mse=None))
    with pytest.raises(CheckpointError, match="number of networks"):
        read(changed(folder, label=np.zeros(2, np.uint8)))
    with pytest.raises(CheckpointError, match=r"seq\.0\.bias"):
        read(changed(folder, **{"seq.0.bias": np.zeros((COUNT, 3), np.float32)}))
    with pytest.raises(CheckpointError, match="floating point"):
        read(changed(folder, **{"seq.0.bias": np.zeros((COUNT, 32), np.int32)}))
    with pytest.raises(CheckpointError, match="'label' has type float64"):
        read(changed(folder, label=np.zeros(COUNT)))
    entry = changed(folder)
    entry.path.write_bytes(entry.path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(entry)
    changed(folder, label=np.array([object()] * COUNT))
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(entry)


def test_unknown_names_are_refused(folder: Path) -> None:
    (folder / "README.md").write_text("x")
    (folder / "val-00000.npz").write_bytes(b"")
    refused = NpzInrs().scan(folder).refused
    assert [refusal.name for refusal in refused] == ["README.md", "val-00000.npz"]


def test_networks_that_have_no_place(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="not 'val'"):
        NpzInrs().file_name({"label": 0, "image": 0, "split": "val"})
    bare = LoadedNetworks(siren(), torch.zeros(1, 1185), {"label": np.zeros(1, int)})
    with pytest.raises(PopulationError, match="'image', 'mse'"):
        NpzInrs().save(tmp_path / "x.npz", bare)
