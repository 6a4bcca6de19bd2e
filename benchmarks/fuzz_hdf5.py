"""HDF5 files and Keras archives, mutated, in processes under limits; what is read is what h5py reads.

`python -m benchmarks.fuzz_reader --hdf5 --files 10000` runs it, and with `--compare` the second part.  Most
of the files have descriptions without checksums, so that what is changed reaches the reader.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import resource
import signal
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from benchmarks.fuzz_mutations import mutated
from benchmarks.fuzz_reader import MAX_BYTES, Outcome, read_one

from scalegmn.checkpoints import RawTensor
from scalegmn.checkpoints._hdf5_files import open_tree
from scalegmn.checkpoints._hdf5_numbers import check_sizes, read_array
from scalegmn.errors import CheckpointError

Answer = tuple[str, list[str]]
Work = Callable[[bytes, str], Answer]

MEMORY: Final = 2 * MAX_BYTES + 2**28
SECONDS: Final = 10
KERNEL: Final = np.linspace(-1, 1, 60, dtype=np.float32).reshape(12, 5)


def written(fill: Callable[[h5py.File], None], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def keras3(file: h5py.File) -> None:
    for layer in ("dense", "dense_1"):
        file[f"layers/{layer}/vars/0"] = KERNEL
        file[f"layers/{layer}/vars/1"] = KERNEL[0]
    file["optimizer/vars/0"] = np.int64(3)


def keras2(file: h5py.File) -> None:
    top = file.create_group("model_weights")
    top.attrs["layer_names"] = np.array([b"dense", b"out"])
    for layer in ("dense", "out"):
        group = top.create_group(layer)
        group.attrs["weight_names"] = np.array([f"{layer}/kernel:0".encode()])
        group[f"{layer}/kernel:0"] = KERNEL
    file.attrs["model_config"] = b"{}"
    file["optimizer_weights/m:0"] = KERNEL


def odd(file: h5py.File) -> None:
    file.create_dataset("packed", data=KERNEL, chunks=(4, 3), compression="gzip", shuffle=True)
    file.create_dataset("plain", data=KERNEL.astype(">f8"), chunks=(5, 5))
    file["flags"] = np.array([True, False])
    file["names"] = np.array([b"a", b"bc"])
    file["half"] = KERNEL.astype(np.float16)
    raw = np.zeros(4, "V2")
    file.create_dataset("brain", data=raw).attrs["dtype"] = "bfloat16"


def valid_hdf5_files() -> dict[str, bytes]:
    """Small valid files by a name that starts with their format."""
    files = {f"hdf5-{fill.__name__}": written(fill) for fill in (keras3, keras2, odd)}
    files |= {f"hdf5-{fill.__name__}-new": written(fill, libver="latest") for fill in (keras3, odd)}
    for name, method in (("stored", zipfile.ZIP_STORED), ("packed", zipfile.ZIP_DEFLATED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr("config.json", "{}")
            archive.writestr("model.weights.h5", files["hdf5-keras3"])
        files[f"keras-{name}"] = buffer.getvalue()
    return files


def differences(*, files: int, seed: int) -> Outcome:
    """Read mutated files with both readers, each file in a process of its own."""
    valid = {name: content for name, content in valid_hdf5_files().items() if name.startswith("hdf5")}
    return gathered(compared, valid, files=files, seed=seed)


def compared(content: bytes, label: str) -> Answer:
    """The kind of the outcome of one file with both readers, and what they read differently."""
    try:
        arrays = {"/".join(one.path): one for one in open_tree(content).arrays}
        check_sizes(tuple(arrays.values()), max_bytes=MAX_BYTES)
        ours = {path: read_array(one, content) for path, one in arrays.items() if one.dtype is not None}
    except CheckpointError:
        return "refused here", []
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            unlike = [path for path, found in ours.items() if not alike(found, file[path])]
    except Exception:  # what others do not read is not read differently
        return "refused by h5py", []
    return ("different" if unlike else "alike"), [f"{label}: {path!r}" for path in unlike]


def alike(found: RawTensor, other: h5py.Dataset) -> bool:
    theirs = np.asarray(other)
    little = theirs.astype(theirs.dtype.newbyteorder("<"))
    return found.shape == theirs.shape and bytes(found.data) == little.tobytes()


def read_hdf5(*, files: int, seed: int) -> Outcome:
    """Read mutated files, each in a process of its own under the limits of a worker."""
    return gathered(read, valid_hdf5_files(), files=files, seed=seed)


def read(content: bytes, label: str) -> Answer:
    """The kind of the outcome of one file, and what must not be."""
    outcome = Outcome()
    read_one(content, outcome, label=label, confined=True)
    return next(iter(outcome.kinds), "failure"), outcome.failures


def gathered(work: Work, valid: Mapping[str, bytes], *, files: int, seed: int) -> Outcome:
    """The outcomes of mutated files.

    That a process ends by a signal is counted and is no failure: the HDF5 library is not ours, and a worker
    that ends costs its file.  That one takes very long is a failure.
    """
    outcome, start = Outcome(), time.monotonic()
    for number in range(files):
        name, content = mutated(valid, seed=seed, number=number)
        kind, failures = in_a_process(work, content, f"file {number} of seed {seed}, from {name}")
        outcome.kinds[kind] += 1
        outcome.failures += failures
    outcome.seconds = time.monotonic() - start
    return outcome


def in_a_process(work: Work, content: bytes, label: str) -> Answer:
    """What comes of one file in a process of its own."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(SECONDS)  # the clock, also where the library is busy with itself
            resource.setrlimit(resource.RLIMIT_AS, (address_space() + MEMORY,) * 2)
            os.write(theirs, json.dumps(work(content, label)).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if said:
        kind, failures = json.loads(said)
        return kind, failures
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGALRM:
        return f"ended by {signal.Signals(os.WTERMSIG(status)).name}", []
    return "no answer", [f"{label}: no answer in {SECONDS} s, or no memory"]


def address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * mmap.PAGESIZE
