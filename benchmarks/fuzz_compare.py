"""Mutated files that are read: the usual readers have to read the same numbers, or nothing.

A file that two readers read differently could be evaluated by one and used with the other.
"""

from __future__ import annotations

import io
import time
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from benchmarks.fuzz_mutations import mutated, valid_files
from benchmarks.fuzz_reader import MAX_BYTES, Outcome

from scalegmn.checkpoints import Contents, Opaque, RawTensor, decode
from scalegmn.errors import CheckpointError

Leaf = tuple[str, tuple[int, ...], bytes] | int | float | str | bool
Leaves = dict[tuple[Any, ...], Leaf]


def usual(content: bytes, *, format_: str) -> Any:
    """What the usual reader of a format makes of a file."""
    stream = io.BytesIO(content)
    match format_:
        case "safetensors":
            return safetensors.torch.load(content)
        case "npz":
            with np.load(stream, allow_pickle=False) as arrays:
                return dict(arrays)
    with torch.serialization.safe_globals([Namespace]):
        return torch.load(stream, weights_only=True)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Leaf]]:
    """All tensors and plain values in what a reader has made, by their paths."""
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves_of(inner, (*path, key_of(key)))
    elif isinstance(value, list | tuple | set | torch.Size):
        for index, inner in enumerate(value):
            yield from leaves_of(inner, (*path, index))
    elif isinstance(value, torch.Tensor):
        dense = value.detach().contiguous()
        data = dense.view(torch.uint8) if dense.ndim else dense.reshape(1).view(torch.uint8)
        yield path, (str(value.dtype).removeprefix("torch."), tuple(value.shape), data.numpy().tobytes())
    elif isinstance(value, np.ndarray) and value.dtype.kind in "USMm":
        # Arrays of texts are named here and not read, as long texts are.
        if value.dtype.kind == "U" and not value.shape:
            yield path, str(value)
    elif isinstance(value, np.ndarray) and not value.shape and value.dtype.kind in "biu":
        yield path, value.item()
    elif isinstance(value, np.ndarray):
        little = value.astype(value.dtype.newbyteorder("<"))
        yield path, (value.dtype.name, value.shape, little.tobytes())
    elif isinstance(value, bool | int | float | str):
        yield path, value


def key_of(key: object) -> str | int:
    """A key as our reader writes it in a path."""
    if isinstance(key, type | FunctionType | BuiltinFunctionType):
        return f"{key.__module__}.{key.__qualname__}"
    return key if isinstance(key, str | int) else str(key)


def our_leaves(contents: Contents) -> Iterator[tuple[tuple[Any, ...], Leaf]]:
    """All tensors and plain values that our reader has found, by their paths."""
    for entry in contents.entries:
        if isinstance(entry.value, RawTensor):
            data = (
                np.asarray(entry.value.data) if isinstance(entry.value.data, np.ndarray) else entry.value.data
            )
            yield entry.path, (entry.value.dtype, entry.value.shape, bytes(data))
        elif not isinstance(entry.value, Opaque):
            yield entry.path, entry.value


def difference(contents: Contents, theirs: Leaves) -> str | None:
    """What two readers have read differently; plain values within objects that are named do not count."""
    ours = dict(our_leaves(contents))
    named = {entry.path for entry in contents.entries if isinstance(entry.value, Opaque)}
    for path in ours.keys() | theirs.keys():
        within = any(path[:length] in named for length in range(len(path) + 1))
        if within and path not in ours and not isinstance(theirs[path], tuple):
            continue
        mine, other = ours.get(path), theirs.get(path)
        if repr(mine) != repr(other):
            return f"{path!r} is {str(mine)[:60]} here and {str(other)[:60]} elsewhere"
    return None


def compare(*, files: int, seed: int) -> Outcome:
    """Read mutated files with both readers."""
    valid, outcome, start = valid_files(), Outcome(), time.monotonic()
    for number in range(files):
        name, content = mutated(valid, seed=seed, number=number)
        try:
            contents = decode(content, max_bytes=MAX_BYTES)
        except CheckpointError:
            outcome.kinds["refused here"] += 1
            continue
        if contents.format == "pickle":  # damaged ones crash the usual reader, and all of this with it
            outcome.kinds["pickle: not compared"] += 1
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = dict(leaves_of(usual(content, format_=contents.format)))
        except Exception:  # what others do not read is not read differently
            outcome.kinds[f"{contents.format}: refused by others"] += 1
            continue
        found = difference(contents, theirs)
        outcome.kinds[f"{contents.format}: {'alike' if found is None else 'different'}"] += 1
        if found is not None:
            outcome.failures.append(f"file {number} of seed {seed}, from {name}: {found}")
    outcome.seconds = time.monotonic() - start
    return outcome
