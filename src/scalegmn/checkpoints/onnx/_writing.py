"""An ONNX file with other weights: its own bytes, and other numbers in their places."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from scalegmn.checkpoints import read_bytes
from scalegmn.disk import replace_file
from scalegmn.errors import CheckpointError

from ._model import OnnxModel, OnnxTensor
from ._reading import read_onnx

_REMEDY = "save it again with onnx.save(onnx.load(path), new_path)"


def write_onnx_like(path: str | os.PathLike[str], model: OnnxModel, tensors: Mapping[str, Tensor]) -> None:
    """Write the file of a model with other numbers in some of its tensors.

    All other bytes stay as they are.  What was written is read again before it gets its name.

    Args:
        path: of the new file; one that is there is replaced.
        model: as it was read, whose file is still there.
        tensors: new numbers by name, of the shapes that the file has; all others stay.

    Raises:
        CheckpointError: the file has changed, has no such tensor, or has its numbers where they cannot be
            replaced.
        DiskError: it cannot be written.
    """
    content = bytearray(read_bytes(path=model.origin, max_bytes=model.size))
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise CheckpointError(f"{model.origin} has changed since it was read; read it again")
    known = model.tensors()
    elsewhere = [tensor.name for tensor in known.values() if tensor.external]
    if elsewhere:
        raise CheckpointError(
            f"{model.origin} has {elsewhere[0]} in another file, expected all weights within it; {_REMEDY}"
        )
    for name, value in tensors.items():
        if name not in known:
            raise CheckpointError(
                f"{model.origin} has no tensor {name}, expected one of its own; leave it out"
            )
        _replace(content, known[name], value, f"the tensor {name} of {model.origin}")
    _check(bytes(content), model, tensors)
    replace_file(path, bytes(content))


def _replace(content: bytearray, old: OnnxTensor, value: Tensor, place: str) -> None:
    before, after = _bytes(old.value), _bytes(value.to(old.value.dtype))
    if value.shape != old.value.shape:
        raise CheckpointError(
            f"{place} has the shape {tuple(old.value.shape)}, and {tuple(value.shape)} is to be written; "
            "give tensors of this network"
        )
    if value.is_floating_point() and not bool(torch.isfinite(value.to(old.value.dtype)).all()):
        raise CheckpointError(
            f"{place} would hold numbers that are not finite as {old.value.dtype}; use elements of smaller "
            "scales"
        )
    if before == after:
        return
    end = 0 if old.offset is None else old.offset + len(before)
    if old.offset is None or content[old.offset : end] != before:
        raise CheckpointError(
            f"{place} does not lie in the file as protobuf writes it, and cannot be replaced; {_REMEDY}"
        )
    content[old.offset : end] = after


def _check(content: bytes, model: OnnxModel, tensors: Mapping[str, Tensor]) -> None:
    """Read what will be written, and compare all tensors."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.onnx"
        copy.write_bytes(content)
        found = read_onnx(copy, max_bytes=max(model.size * 2, 2**20)).tensors()
    for name, old in model.tensors().items():
        wanted = tensors.get(name, old.value).to(old.value.dtype)
        if name not in found or _bytes(found[name].value) != _bytes(wanted):
            raise CheckpointError(
                f"{model.origin} is written so that {name} cannot be replaced by itself; {_REMEDY}"
            )


def _bytes(value: Tensor) -> bytes:
    flat = value.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
