"""Pytrees of Flax, Haiku and JAX in files of ``np.savez``: names with dots, and nothing is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_networks, read_state, write_like
from scalegmn.checkpoints._arrays import read_arrays
from scalegmn.checkpoints._tree_names import dotted_names
from scalegmn.checkpoints.worker import shared_reader
from scalegmn.errors import CheckpointError

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)


def flattened(tree: Mapping[str, object], before: str = "") -> dict[str, np.ndarray]:
    """What ``flax.traverse_util.flatten_dict(tree, sep="/")`` gives."""
    flat: dict[str, np.ndarray] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{before}{name}/")
        else:
            flat[before + name] = np.asarray(value)
    return flat


def save(path: Path, arrays: Mapping[str, object]) -> Path:
    np.savez(path, **dict(arrays))  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("params/Dense_0/kernel", "params.Dense_0.kernel"),
        ("['params']['Dense_0']['kernel']", "params.Dense_0.kernel"),
        ("""['params']["it's"]""", "params.it's"),
        (".params['Dense_0'].kernel", "params.Dense_0.kernel"),
        ("['layers'][12]['w']", "layers.12.w"),
        ("mlp/~/linear_0/w", "mlp.linear_0.w"),
        ("0.weight", "0.weight"),
        ("weight", "weight"),
        # No paths: they stay as they are.
        ("a//b", "a//b"),
        ("/a", "/a"),
        ("~", "~"),
        ("['a'", "['a'"),
        ("['a']b['c']", "['a']b['c']"),
        ("[1234567890123]", "[1234567890123]"),
        ("", ""),
    ],
)
def test_paths_become_names_with_dots(theirs: str, ours: str) -> None:
    assert dotted_names([theirs]) == {ours: theirs}


@pytest.mark.parametrize(
    "names", [("a/b", "a.b"), ("a/b", "['a']['b']"), ("a/~/b", "a/b"), ("x", "y/z", "['y']['z']")]
)
def test_names_that_would_become_one_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = save(tmp_path / "n.npz", dict.fromkeys(names, KERNEL))
    with pytest.raises(CheckpointError, match=r"n\.npz: the names .* would both be .*rename one of them"):
        read_state(path)
    # In a file of several networks, too, it is an error of its own and no tensor is lost.
    assert all(isinstance(one, CheckpointError) for one in read_networks(path).networks)


def test_a_counter_that_would_get_the_name_of_an_array_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "n.npz", {"a/b": KERNEL, "a.b": np.int64(3)})
    with pytest.raises(CheckpointError, match=r"would both be 'a\.b'"):
        read_state(path)


@pytest.mark.parametrize("worker", [False, True])
def test_a_pytree_of_flax_is_read_and_what_is_no_tensor_is_named(tmp_path: Path, worker: bool) -> None:
    tree = {
        "params": {"Dense_0": {"kernel": KERNEL, "bias": np.zeros(3)}},
        "batch_stats": {"count": np.arange(3)},
        "step": np.int32(7),
        "note": "tanh",
        "classes": np.array(["cat", "dog"]),
        "raw": np.array([b"x"]),
        "when": np.array(["2024-01-01"], dtype="datetime64[D]"),
        "config": "x" * 5000,
    }
    path = save(tmp_path / "n.npz", flattened(tree))
    state = read_state(path, reader=shared_reader() if worker else None)
    assert state.names["params.Dense_0.kernel"] == "params/Dense_0/kernel"
    assert list(state.tensors) == ["params.Dense_0.kernel", "params.Dense_0.bias"]
    torch.testing.assert_close(state.tensors["params.Dense_0.kernel"], torch.from_numpy(KERNEL))
    assert list(state.buffers) == ["batch_stats.count"]
    assert state.extras == {"step": 7, "note": "tanh"}
    assert state.ignored == ("classes", "raw", "when", "config")
    assert any("between dots" in note for note in state.notes)
    assert any("NumPy array of texts" in note for note in state.notes)


def test_what_was_read_is_written_under_the_names_of_the_file(tmp_path: Path) -> None:
    arrays = {"params/Dense_0/kernel": KERNEL, "linear/~/w": np.ones(2), "['a'][0]": np.ones((1, 2))}
    state = read_state(save(tmp_path / "n.npz", arrays))
    write_like(tmp_path / "new.npz", state, {name: tensor + 1 for name, tensor in state.tensors.items()})
    with np.load(tmp_path / "new.npz", allow_pickle=False) as written:
        assert {name: array.tolist() for name, array in written.items()} == {
            name: (array + 1).tolist() for name, array in arrays.items()
        }


def test_texts_are_no_arrays_of_numbers(tmp_path: Path) -> None:
    """Who wants arrays, such as pictures with their labels, gets no name in the place of one."""
    path = save(tmp_path / "n.npz", {"labels": np.array(["a", "b"])})
    with pytest.raises(CheckpointError, match="'labels' is a NumPy array of texts; expected numbers"):
        read_arrays(path, max_bytes=2**20)


def test_a_file_of_texts_alone_holds_no_network(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"no tensors found; its entries are 'a' \(NumPy array of texts"
    ):
        read_state(save(tmp_path / "n.npz", {"a": np.array(["a", "b"])}))
