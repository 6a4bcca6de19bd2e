"""HDF5 files and Keras archives: arrays by name, with the numbers of h5py, in both layouts of Keras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from scalegmn.checkpoints import read_networks, read_state, write_like, write_state
from scalegmn.checkpoints._contents import RawTensor
from scalegmn.checkpoints._decoding import ConfinedOnlyError, decode
from scalegmn.checkpoints._hdf5_files import open_tree
from scalegmn.checkpoints._hdf5_numbers import read_array
from scalegmn.checkpoints.worker import _launching as launching
from scalegmn.checkpoints.worker import shared_reader
from scalegmn.errors import CheckpointError
from tests.checkpoints.hdf5_crafting import (
    BIAS,
    HONEST,
    KERNEL,
    LAST,
    arrays,
    h5,
    keras,
    keras2,
    keras3,
    put_list,
)
from tests.checkpoints.hdf5_crafting import save as put

MOST = 2**24


def test_keras_3(tmp_path: Path) -> None:
    state = read_state(put(tmp_path, keras3(), "m.weights.h5"))
    assert {name: tensor.tolist() for name, tensor in state.tensors.items()} == {
        "layers.dense.vars.0": KERNEL.tolist(),
        "layers.dense.vars.1": BIAS.tolist(),
        "layers.dense_1.vars.0": LAST.tolist(),
        "layers.dense_1.vars.1": [0.0],
    }
    assert state.format == "hdf5" and list(state.buffers) == ["layers.dropout.seed_generator.vars.0"]
    assert state.ignored == ("optimizer",)
    assert any("state of an optimizer (2 arrays)" in note for note in state.notes)
    # The state of a generator of random numbers is company, and so is the optimizer.
    assert state.unread == ()


@pytest.mark.parametrize("method", [0, 8])
def test_a_keras_archive_is_its_weights(tmp_path: Path, method: int) -> None:
    content = keras(more={"assets/layers/lookup/vocabulary.txt": b"[UNK]"}, method=method)
    state = read_state(put(tmp_path, content, "m.keras"))
    plain = read_state(put(tmp_path, keras3()))
    assert state.format == "keras" and list(state.tensors) == list(plain.tensors)
    assert all(torch.equal(state.tensors[name], plain.tensors[name]) for name in plain.tensors)
    assert any("config.json, metadata.json" in n or "metadata.json, config.json" in n for n in state.notes)
    assert not any("is called" in note for note in state.notes)


def test_layers_with_numbers_come_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    names = ["layers/dense_10/vars/0", "layers/dense_2/vars/0", "layers/dense/vars/0", "layers/dense/vars/10"]
    state = read_state(put(tmp_path, arrays(dict.fromkeys(names, KERNEL))))
    assert [name.removeprefix("layers.") for name in state.tensors] == [
        "dense.vars.0",
        "dense.vars.10",
        "dense_2.vars.0",
        "dense_10.vars.0",
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_keras_2_in_the_order_of_its_lists(tmp_path: Path, whole: bool) -> None:
    state = read_state(put(tmp_path, keras2(HONEST, whole=whole)))
    # "a_last" would come first by its name.
    assert list(state.tensors) == ["dense.kernel", "dense.bias", "a_last.kernel", "a_last.bias"]
    assert torch.equal(state.tensors["dense.kernel"], torch.from_numpy(KERNEL))
    assert state.ignored == (("optimizer_weights",) if whole else ())


@pytest.mark.parametrize(
    ("layer", "weight", "name"),
    [
        ("dense", "dense/kernel:0", "dense.kernel"),
        ("dense", "sequential/dense/kernel", "dense.kernel"),
        ("inner", "inner/dense/kernel:0", "inner.dense.kernel"),
        ("block/dense", "block/dense/kernel:0", "block.dense.kernel"),
        ("lstm", "kernel:0", "lstm.kernel"),
        ("a", "b/a", "a.b.a"),  # a variable with the name of the layer is not the layer
        ("a", "x:12", "a.x"),
    ],
)
def test_names_of_keras_2(tmp_path: Path, layer: str, weight: str, name: str) -> None:
    assert list(read_state(put(tmp_path, keras2({layer: {weight: KERNEL}}))).tensors) == [name]


def test_weights_of_the_model_itself_and_arrays_that_no_list_names(tmp_path: Path) -> None:
    """What Keras would not look at is not passed over."""

    def fill(file: h5py.File) -> None:
        put_list(file, "layer_names", [])
        put_list(file.create_group("top_level_model_weights"), "weight_names", ["scale:0"])
        file["top_level_model_weights/scale:0"] = BIAS
        file["hidden/w"] = KERNEL

    assert list(read_state(put(tmp_path, h5(fill))).tensors) == ["scale", "hidden.w"]


def test_lists_in_parts(tmp_path: Path) -> None:
    """Keras cuts lists of more than 64 KiB into attributes with numbers."""

    def fill(file: h5py.File) -> None:
        put_list(file, "layer_names0", ["b"])
        put_list(file, "layer_names1", ["a"])
        for layer in ("a", "b"):
            group = file.create_group(layer)
            put_list(group, "weight_names", ["w:0"])
            group["w:0"] = KERNEL

    assert list(read_state(put(tmp_path, h5(fill))).tensors) == ["b.w", "a.w"]


def test_lists_of_texts_of_any_length(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file.attrs["layer_names"] = ["größe"]
        file.create_group("größe").attrs["weight_names"] = ["w:0"]
        file["größe/w:0"] = KERNEL

    assert list(read_state(put(tmp_path, h5(fill))).tensors) == ["größe.w"]


KINDS: dict[str, Any] = {
    "f2": np.linspace(-1, 1, 6, dtype="<f2"),
    "f4": KERNEL,
    "f8": np.linspace(-1, 1, 6).reshape(3, 2),
    "f4-big": KERNEL.astype(">f4"),
    "f8-big": np.linspace(-1, 1, 5).astype(">f8"),
    "i2-big": np.arange(-3, 3, dtype=">i2"),
    "u8": np.array([0, 2**64 - 1], "<u8"),
    "i1": np.array([-128, 127], "i1"),
    "bool": np.array([[True, False], [False, True]]),
    "empty": np.zeros((0, 3), "f4"),
    "scalar": np.float64(3.5),
    "turned": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_numbers_are_those_that_h5py_reads(kind: str, libver: str) -> None:
    value = np.asarray(KINDS[kind])
    content = h5(lambda file: file.create_dataset("x", data=value), libver=libver)
    (array,) = open_tree(content).arrays
    check(read_array(array, content), value)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "?"])
@pytest.mark.parametrize("packed", [None, "gzip", "gzip and shuffle"])
@pytest.mark.parametrize(
    ("shape", "chunk", "most"),
    [((7, 5), (3, 2), None), ((4, 4), (2, 2), None), ((6,), (6,), None), ((3, 2), (8, 8), (None, None))],
)
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_chunks_are_joined(
    dtype: str, packed: str | None, shape: tuple[int, ...], chunk: tuple[int, ...], most: Any, libver: str
) -> None:
    value = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    options = {} if packed is None else {"compression": "gzip", "shuffle": "shuffle" in packed}
    content = h5(
        lambda file: file.create_dataset("x", data=value, chunks=chunk, maxshape=most, **options),
        libver=libver,
    )
    (array,) = open_tree(content).arrays
    check(read_array(array, content), value)


def test_a_chunk_that_its_filter_did_not_apply_to() -> None:
    """The mask of a chunk says which filters were left out."""

    def fill(file: h5py.File) -> None:
        made = file.create_dataset("x", (8,), "<f4", chunks=(4,), compression="gzip", shuffle=True)
        made.id.write_direct_chunk((0,), np.arange(4, dtype="<f4").tobytes(), filter_mask=3)
        made.id.write_direct_chunk((4,), np.arange(4, dtype="<f4").tobytes(), filter_mask=3)

    content = h5(fill)
    (array,) = open_tree(content).arrays
    check(read_array(array, content), np.tile(np.arange(4, dtype="<f4"), 2))


def check(found: RawTensor, value: np.ndarray) -> None:
    assert found.dtype == value.dtype.name and found.shape == value.shape
    little = value.astype(value.dtype.newbyteorder("<"))
    assert bytes(found.data) == little.tobytes()


def test_bfloat16_as_keras_writes_it(tmp_path: Path) -> None:
    value = torch.tensor([1.5, -2.0, 0.125], dtype=torch.bfloat16)

    def fill(file: h5py.File) -> None:
        raw = value.view(torch.int16).numpy().view("V2")
        file.create_dataset("layers/dense/vars/0", data=raw).attrs["dtype"] = "bfloat16"

    state = read_state(put(tmp_path, h5(fill)))
    (name,) = state.tensors
    assert state.original_dtypes[name] == torch.bfloat16 and torch.equal(state.tensors[name], value.float())


def test_single_numbers_texts_and_nothing_beside_weights(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["w"] = KERNEL
        file["step"] = np.int64(-7)
        file["done"] = np.True_
        file["names"] = np.array([b"cat", b"dog"])
        file["void"] = h5py.Empty("f4")
        file["count"] = np.arange(3)

    state = read_state(put(tmp_path, h5(fill)))
    assert list(state.tensors) == ["w"] and list(state.buffers) == ["count"]
    assert state.extras == {"step": -7, "done": True}
    assert state.ignored == ("names", "void") and state.unread == ("count",)


def test_networks_beside_each_other_are_one_with_all_names(tmp_path: Path) -> None:
    """Groups are no networks of their own, since layers are groups."""
    found = read_networks(put(tmp_path, arrays({"a/w": KERNEL, "b/w": BIAS})))
    assert found.keys == (".",) and found.unread == ()


@pytest.mark.slow
def test_only_a_worker_reads_them(tmp_path: Path) -> None:
    """Whatever is asked for, the HDF5 library is not loaded into the process that asks."""
    paths = [str(put(tmp_path, keras3(), "n.h5")), str(put(tmp_path, keras(), "n.keras"))]
    for content in (keras3(), keras()):
        with pytest.raises(ConfinedOnlyError, match="worker processes alone read"):
            decode(content, max_bytes=MOST)
    code = (
        "import sys; from scalegmn.checkpoints import read_state; "
        "print(*(len(read_state(path).tensors) for path in sys.argv[1:]), 'h5py' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, check=True, text=True)
    assert ran.stdout.split() == ["4", "4", "False"]


def test_workers_get_no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDF5_PLUGIN_PATH", "/tmp/evil")
    monkeypatch.setenv("HDF5_VOL_CONNECTOR", "evil")
    monkeypatch.setenv("HDF5_DRIVER", "evil")
    environment = launching.environment()
    assert environment["HDF5_PLUGIN_PATH"] == "" and environment["HDF5_PLUGIN_PRELOAD"] == "::"
    assert not {"HDF5_VOL_CONNECTOR", "HDF5_DRIVER"} & set(environment)
    h5py.h5pl.append(b"/tmp/evil")
    open_tree(keras3())
    assert h5py.h5pl.size() == 0


def test_without_h5py_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = keras3()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CheckpointError, match=r"pip install 'scalegmn\[keras\]'"):
        open_tree(content)


def test_a_damaged_file_is_one_of_the_library(tmp_path: Path) -> None:
    content = bytearray(keras3())
    content[100:600] = bytes(500)
    with pytest.raises(CheckpointError, match=r"n\.h5: the HDF5 file is damaged"):
        read_state(put(tmp_path, bytes(content)), reader=shared_reader())


def test_too_many_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.checkpoints._hdf5_files._MOST_OBJECTS", 10)
    with pytest.raises(CheckpointError, match="more than 10 groups and arrays"):
        open_tree(arrays({f"g{number}/w": KERNEL for number in range(6)}))
    assert len(open_tree(arrays({f"g{number}/w": KERNEL for number in range(5)})).arrays) == 5


def test_too_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalegmn.checkpoints._hdf5_numbers._MOST_CHUNKS", 10)
    content = arrays({"x": np.zeros(22)}, chunks=(2,))
    with pytest.raises(CheckpointError, match="cut into more than 10 chunks"):
        read_array(open_tree(content).arrays[0], content)


def test_they_are_written_as_other_files(tmp_path: Path) -> None:
    state = read_state(put(tmp_path, keras2(HONEST)))
    with pytest.raises(CheckpointError, match="HDF5 files are read and not written"):
        write_like(tmp_path / "new.h5", state, state.tensors)
    with pytest.raises(CheckpointError, match=r"suffix '\.keras' is not supported"):
        write_state(tmp_path / "new.keras", state.tensors)
    write_like(tmp_path / "new.safetensors", state, state.tensors)
    assert set(read_state(tmp_path / "new.safetensors").tensors) == set(state.tensors)
