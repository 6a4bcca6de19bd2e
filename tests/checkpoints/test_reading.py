from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import struct
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from scalegmn.checkpoints import read_state, write_state
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")


@pytest.fixture
def state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    sizes = [(32, 2), (32, 32), (1, 32)]
    tensors: dict[str, Tensor] = OrderedDict()
    for index, (rows, columns) in enumerate(sizes):
        tensors[f"seq.{index}.weight"] = torch.randn(rows, columns, generator=generator)
        tensors[f"seq.{index}.bias"] = torch.randn(rows, generator=generator)
    return tensors


def saved(value: object, *, legacy: bool = False, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def rewritten(archive: bytes, change: Callable[[str, bytes], bytes], *, method: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(buffer, "w", method) as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
    return buffer.getvalue()


def with_pickle(program: bytes) -> bytes:
    """A zip file of torch.save whose main pickle is ``program``."""
    return rewritten(
        saved({"w": torch.ones(2)}), lambda name, data: program if name.endswith("data.pkl") else data
    )


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(members: Mapping[str, bytes], *, method: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def assert_bitwise_equal(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    assert set(first) == set(second)
    for name in first:
        assert first[name].dtype == second[name].dtype
        assert first[name].shape == second[name].shape
        assert first[name].numpy().tobytes() == second[name].numpy().tobytes()


# What is read is what was written


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".PT"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_trip_is_bitwise(
    tmp_path: Path, state: dict[str, Tensor], suffix: str, dtype: torch.dtype
) -> None:
    state = {name: tensor.to(dtype) for name, tensor in state.items()}
    state["scale"] = torch.tensor(-0.0, dtype=dtype)
    state["convolution"] = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(dtype).mT
    extras: dict[str, int | float | str | bool] = {"label": 7, "error": 0.1, "name": "ünï", "converged": True}
    path = tmp_path / f"network{suffix}"
    write_state(path, state, extras=extras)
    checkpoint = read_state(path)
    assert_bitwise_equal(checkpoint.tensors, {name: tensor.contiguous() for name, tensor in state.items()})
    assert checkpoint.extras == extras
    assert checkpoint.extras["converged"] is True
    assert checkpoint.ignored == ()
    assert checkpoint.origin == str(path)
    assert checkpoint.original_dtypes == dict.fromkeys(state, dtype)
    if suffix != ".safetensors":
        assert list(checkpoint.tensors) == list(state)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_checksum_is_of_the_files_bytes(tmp_path: Path, state: dict[str, Tensor], suffix: str) -> None:
    path = tmp_path / f"network{suffix}"
    write_state(path, state)
    assert read_state(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_state(str(path)) is not None


def test_order_of_a_safetensors_file_is_that_of_its_numbers(tmp_path: Path) -> None:
    header = (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},'
        b'"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    )
    content = struct.pack("<Q", len(header)) + header + struct.pack("<ff", 2.0, 1.0)
    tensors = read_state(put(tmp_path, "n.safetensors", content)).tensors
    assert list(tensors) == ["b", "a"]
    assert [tensor.item() for tensor in tensors.values()] == [2.0, 1.0]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_half_precision_becomes_single_exactly(tmp_path: Path, suffix: str) -> None:
    values = torch.tensor([1 / 3, 65504.0, 6e-8, -0.0])
    state = {"half": values.half()}
    if suffix != ".npz":
        state["brain"] = values.bfloat16()
    path = tmp_path / f"network{suffix}"
    write_state(path, state)
    checkpoint = read_state(path)
    for name, tensor in state.items():
        assert checkpoint.tensors[name].dtype == torch.float32
        assert torch.equal(checkpoint.tensors[name].to(tensor.dtype), tensor)
        assert checkpoint.original_dtypes[name] == tensor.dtype


def test_bfloat16_does_not_fit_into_npz(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"NumPy has no bfloat16.*'w'.*\.float\(\)"):
        write_state(tmp_path / "n.npz", {"w": torch.ones(2, dtype=torch.bfloat16)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_double_is_kept_unless_single_is_asked_for(tmp_path: Path, suffix: str) -> None:
    state = {"w": torch.tensor([1 / 3], dtype=torch.float64)}
    path = tmp_path / f"network{suffix}"
    write_state(path, state)
    assert torch.equal(read_state(path).tensors["w"], state["w"])
    single = read_state(path, dtype=torch.float32)
    assert torch.equal(single.tensors["w"], state["w"].float())
    assert single.original_dtypes["w"] == torch.float64


def test_single_can_be_read_as_double(tmp_path: Path, state: dict[str, Tensor]) -> None:
    write_state(tmp_path / "n.pt", state)
    for name, tensor in read_state(tmp_path / "n.pt", dtype=torch.float64).tensors.items():
        assert tensor.dtype == torch.float64
        assert torch.equal(tensor, state[name].double())


def test_a_conversion_that_overflows_is_refused(tmp_path: Path) -> None:
    write_state(tmp_path / "n.pt", {"w": torch.tensor([1e300], dtype=torch.float64)})
    with pytest.raises(
        CheckpointError, match=r"'w', converted to torch.float32, holds 0 NaN and 1 Inf among 1"
    ):
        read_state(tmp_path / "n.pt", dtype=torch.float32)


def test_only_single_and_double_can_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"dtype=torch.float16.*expected torch.float32, torch.float64"):
        read_state(tmp_path / "n.pt", dtype=torch.float16)


def test_big_endian_and_fortran_arrays(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    content = npz({"big.npy": npy(array.astype(">f4")), "fortran.npy": npy(np.asfortranarray(array))})
    tensors = read_state(put(tmp_path, "n.npz", content)).tensors
    assert torch.equal(tensors["big"], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(tensors["fortran"], torch.arange(6.0, dtype=torch.float64).reshape(2, 3))
    assert tensors["fortran"].is_contiguous()


def test_arrays_of_numpys_own_writers(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(
            tmp_path / "n.npz", w=np.ones((2, 3), dtype=np.float32), label=np.int64(4), kind=np.array("sine")
        )
        checkpoint = read_state(tmp_path / "n.npz")
        assert torch.equal(checkpoint.tensors["w"], torch.ones(2, 3))
        assert checkpoint.extras == {"label": 4, "kind": "sine"}


# State dicts as training programs keep them


@pytest.mark.parametrize("legacy", [False, True])
def test_plain_label_in_a_state_dict(tmp_path: Path, state: dict[str, Tensor], legacy: bool) -> None:
    content = saved(OrderedDict([*state.items(), ("label", 3)]), legacy=legacy)
    checkpoint = read_state(put(tmp_path, "model_0.pth", content))
    assert_bitwise_equal(checkpoint.tensors, state)
    assert checkpoint.extras == {"label": 3}


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_whole_numbers_of_no_dimension_are_extras(tmp_path: Path, suffix: str) -> None:
    state = {
        "w": torch.ones(2),
        "label": torch.tensor(3),
        "ok": torch.tensor(True),
        "gain": torch.tensor(0.5),
    }
    content = saved(state) if suffix == ".pt" else safetensors.torch.save(state)
    checkpoint = read_state(put(tmp_path, f"n{suffix}", content))
    assert checkpoint.extras == {"label": 3, "ok": True}
    assert set(checkpoint.tensors) == {"w", "gain"}


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_a_single_wrapper_is_taken_off(tmp_path: Path, state: dict[str, Tensor], wrapper: str) -> None:
    around = {
        "epoch": 12,
        "loss": torch.tensor(0.25),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}},
        "milestones": Counter([3, 4]),
        "best": None,
    }
    checkpoint = read_state(put(tmp_path, "n.pt", saved({wrapper: state, **around})))
    assert_bitwise_equal(checkpoint.tensors, state)
    assert checkpoint.extras == {"epoch": 12, "loss": 0.25}
    assert checkpoint.ignored == ("optimizer", "milestones", "best")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"model": {"w": torch.ones(1)}, "state_dict": {"w": torch.ones(1)}},
            r"under 'model', 'state_dict', so",
        ),
        ({"model": {"w": torch.ones(1)}, "w": torch.ones(1)}, r"under 'model', '\.', so it is not clear"),
        (
            {"model": {"w": torch.ones(1), "label": 3}, "label": 4},
            r"label occurs both in 'model' and beside it",
        ),
        ({"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}}, r"under 'a', 'b', so it is not clear.*key"),
        ({}, r"no tensors found; its entries are none"),
        ({"model": {}, "label": 3}, r"no tensors found.*'label' \(int\).*save module.state_dict\(\)"),
        ([torch.ones(1)], r"no tensors found; its entries are '0' \(tensor\)"),
        (torch.ones(1), r"no tensors found; it holds one RawTensor; expected a state dict"),
        ({0: torch.ones(1)}, r"no tensors found; its entries are '0' \(tensor\)"),
        ({"model": {0: torch.ones(1)}}, r"no tensors found; its entries are 'model' \(dict\)"),
    ],
)
def test_unclear_dictionaries_are_refused(tmp_path: Path, value: object, message: str) -> None:
    path = put(tmp_path, "n.pt", saved(value))
    with pytest.raises(CheckpointError, match=message) as caught:
        read_state(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_file_without_tensors_is_refused(tmp_path: Path, suffix: str) -> None:
    content = npz({}) if suffix == ".npz" else safetensors.torch.save({})
    with pytest.raises(CheckpointError, match="no tensors found; its entries are none"):
        read_state(put(tmp_path, f"n{suffix}", content))


def test_parameters_and_views_come_out_independent(tmp_path: Path) -> None:
    shared = torch.arange(6.0)
    state = {"a": torch.nn.Parameter(torch.ones(2)), "b": shared[:3], "c": shared[::2], "d": shared}
    tensors = read_state(put(tmp_path, "n.pt", saved(state))).tensors
    assert all(type(tensor) is Tensor and not tensor.requires_grad for tensor in tensors.values())
    assert all(tensor.is_contiguous() for tensor in tensors.values())
    tensors["d"].zero_()
    assert torch.equal(tensors["b"], torch.tensor([0.0, 1.0, 2.0]))
    assert torch.equal(tensors["c"], torch.tensor([0.0, 2.0, 4.0]))


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_of_another_device_come_to_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool
) -> None:
    # What a machine with two GPUs writes, without one: the place is a text beside each storage.
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:1")
    content = saved({"w": torch.arange(3.0)}, legacy=legacy)
    monkeypatch.undo()
    assert b"cuda:1" in content
    tensor = read_state(put(tmp_path, "n.pt", content)).tensors["w"]
    assert tensor.device.type == "cpu"
    assert torch.equal(tensor, torch.arange(3.0))


# Code in files


class _Touch:
    """Unpickled the ordinary way, creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize(
    "form",
    ["zip", "legacy", "plain protocol 0", "plain protocol 2", "plain protocol 4", "beside the object"],
)
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path: Path, form: str) -> None:
    marker = tmp_path / "marker"
    value = {"w": torch.ones(2).tolist(), "evil": _Touch(marker)}
    if form in ("zip", "legacy"):
        content = saved(value, legacy=form == "legacy")
    elif form == "beside the object":  # the description of the machine, the third pickle of five
        parts: list[object] = [0x1950A86A20F9469CFC6C, 1001, _Touch(marker), {}, []]
        content = b"".join(pickle.dumps(part, 2) for part in parts)
    else:
        content = pickle.dumps(value, protocol=int(form[-1]))
    path = put(tmp_path, "evil.pt", content)
    with pytest.raises(
        UnsafeCheckpointError, match=r"run (posix|nt)\.mkdir;.*nothing ran.*safetensors"
    ) as caught:
        read_state(path)
    assert str(path) in str(caught.value)
    assert not marker.exists()
    if form.startswith("plain"):  # the test can fail: the same bytes do run when they are let
        pickle.loads(content)
        assert marker.exists()


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        (b"cos\nsystem\n.", "os.system"),
        (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system00\x8c\x02os\x8c\x01x0\x93.", "lacks its operand"),
        (b"\x80\x04}}\x93.", "<computed name>"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"\x80\x02\x82\x07.", "number in a registry"),
        (b"\x80\x02cos\nsystem\n\x80", "os.system"),  # the name counts even where the pickle breaks off
    ],
)
@pytest.mark.parametrize("form", ["zip", "bare"])
def test_every_way_to_name_a_function_is_seen(tmp_path: Path, program: bytes, wanted: str, form: str) -> None:
    path = put(tmp_path, "n.pt", with_pickle(program) if form == "zip" else program)
    kind = UnsafeCheckpointError if "." in wanted or "<" in wanted else CheckpointError
    with pytest.raises(kind, match=re.escape(wanted)):
        read_state(path)


def test_a_whole_module_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = put(tmp_path, "n.pt", saved(torch.nn.Linear(2, 2)))
    with pytest.raises(
        UnsafeCheckpointError, match=r"torch\.nn\.modules\.linear\.Linear.*module\.state_dict"
    ):
        read_state(path)


def test_allowances_of_the_running_program_do_not_count(tmp_path: Path) -> None:
    path = put(tmp_path, "n.pt", saved({"w": torch.ones(2), "evil": _Touch(tmp_path / "marker")}))
    with torch.serialization.safe_globals([os.mkdir]), pytest.raises(UnsafeCheckpointError):
        read_state(path)
    assert not (tmp_path / "marker").exists()


def test_a_program_in_torchs_own_language_is_refused(tmp_path: Path) -> None:
    content = npz(
        {"n/constants.pkl": pickle.dumps((), 2), "n/data.pkl": pickle.dumps({}, 2), "n/code/a.py": b""}
    )
    with pytest.raises(UnsafeCheckpointError, match="TorchScript"):
        read_state(put(tmp_path, "n.pt", content))


def test_an_object_array_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    np.savez(tmp_path / "n.npz", w=np.ones(2), evil=np.array([_Touch(marker)], dtype=object))
    with pytest.raises(CheckpointError, match=r"array 'evil' holds Python objects \(dtype object\)"):
        read_state(tmp_path / "n.npz")
    assert not marker.exists()


# Damaged files


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_truncated_files_are_refused(
    tmp_path: Path, state: dict[str, Tensor], suffix: str, part: float
) -> None:
    path = tmp_path / f"network{suffix}"
    write_state(path, state)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(CheckpointError, match=r"cut short or damaged, copy or save it again") as caught:
        read_state(path)
    assert str(path) in str(caught.value)


def test_legacy_files_truncated_anywhere_are_refused(tmp_path: Path) -> None:
    content = saved({"w": torch.arange(4.0)}, legacy=True)
    for length in range(1, len(content)):
        with pytest.raises(CheckpointError):
            read_state(put(tmp_path, "n.pt", content[:length]))
    assert torch.equal(read_state(put(tmp_path, "n.pt", content)).tensors["w"], torch.arange(4.0))


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_a_flipped_bit_is_found(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"n{suffix}"
    weights = torch.arange(4.0)
    write_state(path, {"w": weights})
    content = bytearray(path.read_bytes())
    content[content.index(weights.numpy().tobytes()) + 5] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="CRC"):
        read_state(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_files_are_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(CheckpointError, match=r"the file is empty \(0 bytes\)"):
        read_state(put(tmp_path, f"n{suffix}", b""))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_noise_is_refused(tmp_path: Path, suffix: str) -> None:
    generator = np.random.default_rng(3)
    for length in (1, 7, 8, 9, 100, 5000):
        for start in (b"", b"PK\x03\x04", b"\x80\x02", b"\x08\0\0\0\0\0\0\0{"):
            with pytest.raises(CheckpointError):
                read_state(put(tmp_path, f"n{suffix}", start + generator.bytes(length)))


@pytest.mark.parametrize("form", [".safetensors", ".npz", ".pt", "legacy"])
def test_damaged_bytes_never_cause_another_kind_of_error(tmp_path: Path, form: str) -> None:
    state = {"w": torch.arange(4.0), "b": torch.ones(2, 2).half()}
    suffix = ".pt" if form == "legacy" else form
    path = tmp_path / f"n{suffix}"
    write_state(path, state)
    whole = saved(state, legacy=True) if form == "legacy" else path.read_bytes()
    generator = np.random.default_rng(11)
    refused = 0
    for _ in range(150):
        content = np.frombuffer(whole, dtype=np.uint8).copy()
        content[generator.integers(len(content), size=3)] = generator.integers(256, size=3)
        path.write_bytes(content.tobytes())
        try:
            read_state(path)
        except CheckpointError:
            refused += 1
    assert refused > 75


@pytest.mark.parametrize(
    "suffix", [".safetensors", ".npz", ".pt", ".PT", ".ckpt", ".bin", ".tar", ".xyz", ""]
)
@pytest.mark.parametrize("content", [".safetensors", ".npz", ".pt"])
def test_contents_decide_and_a_wrong_suffix_is_named(
    tmp_path: Path, state: dict[str, Tensor], suffix: str, content: str
) -> None:
    write_state(tmp_path / f"right{content}", state)
    path = (tmp_path / f"right{content}").rename(tmp_path / f"named{suffix}")
    checkpoint = read_state(path)
    assert_bitwise_equal(checkpoint.tensors, state)
    fits = suffix.lower() == content or (content == ".pt" and suffix in (".ckpt", ".bin", ".tar"))
    assert any("is called" in note for note in checkpoint.notes) == (not fits and suffix not in (".xyz", ""))


@pytest.mark.parametrize("name", ["n.h5", "n.ckpt", "n", ".pt"])
def test_unknown_suffixes_are_not_written(tmp_path: Path, name: str) -> None:
    message = r"is not supported; expected one of \.safetensors, \.npz, \.pt, \.pth"
    with pytest.raises(CheckpointError, match=message):
        write_state(tmp_path / name, {"w": torch.ones(1)}, overwrite=True)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no such file \(its folder exists\)"):
        read_state(tmp_path / "n.pt")
    with pytest.raises(CheckpointError, match="does not exist either"):
        read_state(tmp_path / "nowhere" / "n.pt")
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(CheckpointError, match="this is a folder or a device; expected a file"):
        read_state(tmp_path / "folder.pt")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_other_pickle_protocols_are_read(
    tmp_path: Path, state: dict[str, Tensor], protocol: int, legacy: bool
) -> None:
    path = put(tmp_path, "n.pt", saved(state, protocol=protocol, legacy=legacy))
    assert_bitwise_equal(read_state(path).tensors, state)


def test_a_plain_pickle_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a Python pickle that torch\.save did not write"):
        read_state(put(tmp_path, "n.pt", pickle.dumps({"w": [1.0, 2.0]}, protocol=2)))


def test_entries_that_occur_twice_are_refused(tmp_path: Path) -> None:
    array = npy(np.ones(1))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("w.npy", array)
        archive.writestr("w.npy", array)
    with pytest.raises(CheckpointError, match=r"holds 'w\.npy' more than once"):
        read_state(put(tmp_path, "n.npz", buffer.getvalue()))
    entry = b'"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    header = b"{" + entry + b"," + entry + b"}"
    content = struct.pack("<Q", len(header)) + header + bytes(4)
    with pytest.raises(CheckpointError, match="w occurs more than once in its header"):
        read_state(put(tmp_path, "n.safetensors", content))
    extras = npy(np.array('{"w": 1}'))
    with pytest.raises(CheckpointError, match="w names both an array and a plain value"):
        read_state(put(tmp_path, "n.npz", npz({"w.npy": array, "scalegmn.extras.npy": extras})))


# Sizes


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_archives_that_unpack_to_too_much_are_refused(tmp_path: Path, suffix: str) -> None:
    zeros = np.zeros(1_000_000)
    if suffix == ".npz":
        content = npz({"w.npy": npy(zeros)}, method=zipfile.ZIP_DEFLATED)
    else:
        plain = saved({"w": torch.from_numpy(zeros)})
        content = rewritten(plain, lambda name, data: data, method=zipfile.ZIP_DEFLATED)
    assert len(content) < 20_000
    path = put(tmp_path, f"n{suffix}", content)
    with pytest.raises(
        CheckpointError, match=r"unpacks to 8,0.*more than max_bytes=1,000,000.*larger max_bytes"
    ):
        read_state(path, max_bytes=1_000_000)
    assert read_state(path, max_bytes=9_000_000).tensors["w"].shape == (1_000_000,)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_large_files_are_refused_before_they_are_read(
    tmp_path: Path, state: dict[str, Tensor], suffix: str
) -> None:
    path = tmp_path / f"n{suffix}"
    write_state(path, state)
    with pytest.raises(CheckpointError, match=r"bytes, which is more than max_bytes=1,000\."):
        read_state(path, max_bytes=1_000)


def test_a_small_file_with_a_huge_tensor_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "n.pt", saved({"w": torch.zeros(1).expand(10**12)}))
    with pytest.raises(CheckpointError, match=r"its tensors take 4,000,000,000,000 bytes"):
        read_state(path)


def test_an_array_header_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    array = (
        npy(np.ones(10)).replace(b"(10,), }", b"(10000000000000,), }"[:20]).replace(b" " * 12 + b"\n", b"\n")
    )
    assert len(array) == len(npy(np.ones(10)))
    with pytest.raises(CheckpointError, match=r"promises 80,000,000,000,000 bytes.*and has 80; .*cut short"):
        read_state(put(tmp_path, "n.npz", npz({"w.npy": array})))


# Tensors that cannot be weights


def strange_tensors() -> dict[str, tuple[Callable[[], Tensor], str]]:
    def quantized() -> Tensor:
        return torch.quantize_per_tensor(torch.eye(2), 0.1, 0, torch.qint8)

    return {
        "nan": (
            lambda: torch.tensor([1.0, float("nan"), float("-inf"), float("inf")]),
            "1 NaN and 2 Inf among 4",
        ),
        "half inf": (lambda: torch.tensor([float("inf")]).half(), "0 NaN and 1 Inf among 1"),
        "sparse": (lambda: torch.eye(2).to_sparse(), r"is a sparse.*to_dense"),
        "csr": (lambda: torch.eye(2).to_sparse_csr(), r"is a sparse"),
        "quantized": (quantized, r"is a quantized.*dequantize"),
        "complex": (lambda: torch.ones(2, dtype=torch.complex64), r"is complex \(torch.complex64\)"),
        "complex scalar": (lambda: torch.tensor(1j), r"is complex"),
        "meta": (lambda: torch.ones(2, device="meta"), "has a shape but no numbers"),
        "eight": (lambda: torch.ones(2).to(torch.float8_e4m3fn), r"dtype torch.float8_e4m3fn"),
    }


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning", "ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.filterwarnings("ignore:.*is deprecated")
@pytest.mark.parametrize("kind", list(strange_tensors()))
def test_tensors_that_cannot_be_weights_are_refused(tmp_path: Path, kind: str) -> None:
    make, message = strange_tensors()[kind]
    state = {"good": torch.ones(1), "strange": make()}
    path = put(tmp_path, "n.pt", saved(state))
    with pytest.raises(CheckpointError, match=f"tensor 'strange' .*{message}") as caught:
        read_state(path)
    assert str(path) in str(caught.value)
    for suffix in SUFFIXES:
        with pytest.raises(CheckpointError, match="tensor 'strange' "):
            write_state(tmp_path / f"new{suffix}", state)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["n.pt"]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_nan_is_found_in_every_format(tmp_path: Path, suffix: str) -> None:
    bad = {"w": torch.tensor([float("nan"), 1.0])}
    content = npz({"w.npy": npy(bad["w"].numpy())}) if suffix == ".npz" else safetensors.torch.save(bad)
    with pytest.raises(CheckpointError, match="tensor 'w' holds 1 NaN and 0 Inf among 2 numbers"):
        read_state(put(tmp_path, f"n{suffix}", content))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones(2, dtype=np.complex128), "is complex"),
        (np.ones(2, dtype=np.longdouble), "has dtype float128; expected"),
        (np.zeros(2, dtype=[("a", "f4")]), "expected float16"),
        (np.zeros(2, dtype="V2"), "expected float16"),
    ],
)
def test_arrays_that_cannot_be_weights_are_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    if array.dtype == np.longdouble and array.dtype.itemsize == 8:
        pytest.skip("long double is double on this machine")
    with pytest.raises(CheckpointError, match=f"'strange' .*{message}"):
        read_state(put(tmp_path, "n.npz", npz({"strange.npy": npy(array)})))


@pytest.mark.parametrize("value", [torch.arange(3), torch.ones(3, dtype=torch.bool), torch.zeros(0)])
def test_whole_numbers_truth_values_and_empty_tensors_are_buffers(tmp_path: Path, value: Tensor) -> None:
    checkpoint = read_state(put(tmp_path, "n.pt", saved({"w": torch.ones(1), "other": value})))
    assert list(checkpoint.tensors) == ["w"]
    assert torch.equal(checkpoint.buffers["other"], value)
    assert checkpoint.unread == (() if not len(value) else ("other",))


# Writing


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_existing_file_is_kept_unless_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"n{suffix}"
    write_state(path, {"w": torch.ones(1)})
    before = path.read_bytes()
    with pytest.raises(
        CheckpointError, match=r"a file of this name exists and was left alone.*overwrite=True"
    ):
        write_state(path, {"w": torch.zeros(1)})
    assert path.read_bytes() == before
    write_state(path, {"w": torch.zeros(1)}, overwrite=True)
    assert torch.equal(read_state(path).tensors["w"], torch.zeros(1))
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_breaks_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "n.pt"
    write_state(path, {"w": torch.ones(1)})

    def broken(source: object, target: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(KeyboardInterrupt):
        write_state(path, {"w": torch.zeros(1)}, overwrite=True)
    assert torch.equal(read_state(path).tensors["w"], torch.ones(1))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_view_does_not_take_the_whole_population_along(tmp_path: Path, suffix: str) -> None:
    population = torch.ones(1000, 100)
    write_state(tmp_path / f"n{suffix}", {"w": population[3]})
    assert (tmp_path / f"n{suffix}").stat().st_size < 4_000


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    one = {"w": torch.ones(1)}
    with pytest.raises(CheckpointError, match="there are no tensors to write"):
        write_state(tmp_path / "n.pt", {})
    with pytest.raises(CheckpointError, match=r"'label' is a int; expected a tensor.*extras"):
        write_state(tmp_path / "n.pt", {**one, "label": 3})  # type: ignore[dict-item]
    with pytest.raises(CheckpointError, match="extra 'loss' is a float64; expected int, float, str or bool"):
        write_state(tmp_path / "n.pt", one, extras={"loss": np.float64(1.0)})
    with pytest.raises(CheckpointError, match="'w' names both a tensor and an extra"):
        write_state(tmp_path / "n.pt", one, extras={"w": 1})
    with pytest.raises(CheckpointError, match=r"the folder .*nowhere does not exist; create it"):
        write_state(tmp_path / "nowhere" / "n.pt", one)
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(CheckpointError, match="a folder of this name exists"):
        write_state(tmp_path / "folder.pt", one, overwrite=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_readers_understand_what_is_written(
    tmp_path: Path, state: dict[str, Tensor], suffix: str
) -> None:
    path = tmp_path / f"n{suffix}"
    write_state(path, state, extras={"label": 3})
    if suffix == ".safetensors":
        loaded = safetensors.torch.load_file(path)
    elif suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            loaded = {name: torch.from_numpy(arrays[name]) for name in arrays if name in state}
    else:
        loaded = torch.load(path, weights_only=True)
        assert loaded.pop("label") == 3
    assert_bitwise_equal(loaded, state)
