"""The networks of a file as tensors of torch."""

from __future__ import annotations

import os

import torch

from scalegmn.checkpoints._assembling import Assembly, calls_of
from scalegmn.checkpoints._bundles import Parts
from scalegmn.checkpoints._checkpoint import Checkpoint, FileNetworks
from scalegmn.checkpoints._contents import Contents, RawTensor
from scalegmn.checkpoints._finding import (
    MOST_NETWORKS,
    choose_network,
    find_networks,
    lies_under,
    optimizer_states,
    shown_path,
    unread_numbers,
)
from scalegmn.checkpoints._folders import read_any, read_parts
from scalegmn.checkpoints._readers import DEFAULT_MAX_BYTES, DirectReader, FileReader
from scalegmn.errors import CheckpointError


def read_state(
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype | None = None,
    key: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    reader: FileReader | None = None,
) -> Checkpoint:
    """Read the parameters of one network from a file, or from a folder that is one network.

    What the file is, is told by its contents: files of ``torch.save`` (both forms), safetensors,
    ``np.savez``, pickles of NumPy arrays, and, with h5py, HDF5 files and Keras archives.  Nothing of the file
    is executed.

    Conversions, all of them: float16 and bfloat16 become float32 (exactly); float32 and float64 stay as they
    are unless ``dtype`` asks for the other; tensors saved on another device come to the CPU; the dictionary
    that holds the network is found wherever it lies, and plain values beside it become extras; what wrappers
    of modules put into names is taken off.  Each of these that is not the rule is noted.

    Args:
        path: a file, or a folder with the parts of one network (``model.safetensors.index.json``, a Hugging
            Face folder).
        dtype: ``torch.float32`` or ``torch.float64`` for all tensors, or None.
        key: where the network lies, if there are several, with dots between keys; ``.`` is the top.
        max_bytes: refuse files that are, or unpack to, more than this.
        reader: what reads the file; by default this process.

    Raises:
        UnsafeCheckpointError: if reading the file elsewhere would run code.  Nothing was run.
        CheckpointError: if the file is missing, damaged, too large or ambiguous, or if a tensor is not a
            dense tensor of finite floating-point numbers.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn.checkpoints import read_state
        >>> file = tempfile.mkdtemp() + "/network.pt"
        >>> torch.save({"epoch": 3, "model": {"module.weight": torch.ones(2, 2)}}, file)
        >>> read_state(file).tensors
        {'weight': tensor([[1., 1.],
                [1., 1.]])}
    """
    _check_dtype(dtype)
    found = read_any(path, max_bytes=max_bytes, reader=reader or DirectReader(), select=_wanted)
    origin = os.fspath(path)
    try:
        networks = find_networks(found.contents)
        chosen = choose_network(found.contents, networks, key)
        return Assembly(found, origin, dtype, max_bytes).checkpoint(chosen, alone=len(networks) == 1)
    except CheckpointError as error:
        raise type(error)(f"{origin}: {error}") from error


def read_networks(
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    reader: FileReader | None = None,
    parts: Parts | None = None,
) -> FileNetworks:
    """Read every network of a file by itself, and name all numbers that belong to none.

    Nothing of the file is executed; formats and conversions are those of :func:`read_state`.

    Args:
        path, dtype, max_bytes, reader: as in :func:`read_state`.
        parts: files that are read as one instead of the path, which is then only a name.

    Returns:
        The networks, each with its tensors, and where in the file they lie.  A network that cannot be read is
        represented by its error.

    Raises:
        CheckpointError: the file cannot be read, or holds no network.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn import read_networks
        >>> file = tempfile.mkdtemp() + "/teacher_and_student.pt"
        >>> torch.save({"teacher": {"w": torch.ones(2, 2)}, "student": {"w": torch.zeros(2, 2)}}, file)
        >>> found = read_networks(file)
        >>> found.keys
        ('teacher', 'student')
        >>> found.networks[1].tensors["w"]
        tensor([[0., 0.],
                [0., 0.]])
    """
    _check_dtype(dtype)
    reader = reader or DirectReader()
    if parts is None:
        found = read_any(path, max_bytes=max_bytes, reader=reader, select=_wanted)
    else:
        found = read_parts(parts, max_bytes=max_bytes, reader=reader, select=_wanted)
    origin = os.fspath(path)
    networks = find_networks(found.contents)
    try:
        if not networks:
            choose_network(found.contents, networks, None)
        if len(networks) > MOST_NETWORKS:
            raise CheckpointError(
                f"the file holds {len(networks):,} networks, expected at most {MOST_NETWORKS}; have one "
                "network saved in a file"
            )
        reading = Assembly(found, origin, dtype, max_bytes)
    except CheckpointError as error:
        raise type(error)(f"{origin}: {error}") from error
    read: list[Checkpoint | CheckpointError] = []
    taken: set[int] = set()
    for one in networks:
        try:
            read.append(reading.checkpoint(one, alone=len(networks) == 1))
            taken |= reading.parameters(one)
        except CheckpointError as error:
            read.append(type(error)(f"{origin}: {error}"))
            # Its numbers are not silent: the error stands for them.
            taken |= set(one.entries)
    return FileNetworks(
        networks=tuple(read),
        keys=tuple(shown_path(one.path) for one in networks),
        unread=unread_numbers(found.contents, frozenset(taken)),
        sha256=found.sha256,
        size=found.size,
        calls=calls_of(found.contents),
    )


def _wanted(contents: Contents) -> list[int]:
    """Places of the tensors that a network may need: not those of optimizers."""
    company = optimizer_states(contents)
    return [
        place
        for place, entry in enumerate(contents.entries)
        if isinstance(entry.value, RawTensor) and entry.inside is None and not lies_under(entry.path, company)
    ]


def _check_dtype(dtype: torch.dtype | None) -> None:
    if dtype not in (None, torch.float32, torch.float64):
        raise CheckpointError(f"dtype={dtype} was asked for; expected torch.float32, torch.float64 or None")
