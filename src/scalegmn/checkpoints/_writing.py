"""Writing the checkpoint file of one network, so that a file is either whole or not there."""

from __future__ import annotations

import json
import os
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from scalegmn.checkpoints._checkpoint import Checkpoint
from scalegmn.checkpoints._contents import Opaque, Plain, RawTensor, Value
from scalegmn.checkpoints._numpy_files import EXTRAS_KEY
from scalegmn.checkpoints._tensors import as_tensor, check_finite
from scalegmn.checkpoints._values import EMPTY, nest
from scalegmn.disk import create_file, replace_file
from scalegmn.errors import CheckpointError

SUFFIXES: Final = (".safetensors", ".npz", ".pt", ".pth")
"""Suffixes of the files that are written."""

_ONLY_READ: Final = {"pickle": "pickles", "hdf5": "HDF5 files", "keras": "Keras archives"}
_WRITTEN: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def known_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a path in lower case, which chooses the format that is written.

    Raises:
        CheckpointError: no format has this suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CheckpointError(
            f"{os.fspath(path)}: the suffix {suffix!r} is not supported; expected one of "
            f"{', '.join(SUFFIXES)}; choose another name"
        )
    return suffix


def write_state(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    *,
    extras: Mapping[str, Plain] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the parameters of one network to a file; the suffix of ``path`` chooses the format.

    The bytes go to a temporary file in the same folder, which is forced to disk and then takes the name
    ``path`` in one step: whoever reads ``path`` sees the old file or the whole new one.  Every tensor is
    written alone, even if it is a view into a larger one, and keeps its precision.  Tensors that
    :func:`read_state` would refuse are refused.

    Args:
        path: ends in ``.safetensors``, ``.npz``, ``.pt`` or ``.pth``.
        tensors: the parameters by name, in the order to be written (``.safetensors`` has its own).
        extras: plain values to keep beside them, for example ``{"label": 3}``.
        overwrite: whether an existing file may be replaced.

    Raises:
        CheckpointError: if the file exists and ``overwrite`` is False, if the folder does not exist, or if
            an entry cannot be written.

    Example:
        >>> import tempfile, torch
        >>> from scalegmn.checkpoints import read_state, write_state
        >>> file = tempfile.mkdtemp() + "/network.safetensors"
        >>> write_state(file, {"0.weight": torch.eye(2), "0.bias": torch.zeros(2)})
        >>> sorted(read_state(file).tensors)
        ['0.bias', '0.weight']
    """
    suffix = known_suffix(path)
    target = Path(path)
    extras = {} if extras is None else extras
    _check_target(target, overwrite=overwrite)
    _check_writable(tensors, extras, str(target))
    content = _encoded(_alone(tensors), extras, suffix, str(target))
    (replace_file if overwrite else create_file)(target, content)


def write_like(
    path: str | os.PathLike[str],
    checkpoint: Checkpoint,
    tensors: Mapping[str, Tensor],
    *,
    overwrite: bool = False,
) -> None:
    """Write other parameters in the place of those of a checkpoint.

    Names, wrapping and precision stay.  What the user's own program reads, it reads again: the network lies
    under the same keys, wrappers' parts of names are put back, buffers and plain values stay where they were.
    States of optimizers, objects and other networks are left out, since they belong to the old parameters or
    cannot be made.

    Args:
        path: of the new file; files of ``torch.save`` may have any suffix, such as ``.ckpt``.
        checkpoint: what was read.
        tensors: the new parameters, by the names of ``checkpoint.tensors``.
        overwrite: whether an existing file may be replaced.

    Raises:
        CheckpointError: names differ, a number is not finite, the file exists, or the suffix is that of
            another format.
    """
    target = Path(path)
    if set(tensors) != set(checkpoint.tensors):
        raise CheckpointError(
            f"{target}: the new parameters have other names than those of {checkpoint.origin}; expected the "
            "same"
        )
    if checkpoint.format in _ONLY_READ and target.suffix.lower() not in SUFFIXES:
        raise CheckpointError(
            f"{target}: {_ONLY_READ[checkpoint.format]} are read and not written, and {checkpoint.origin} is "
            f"one; expected one of the suffixes {', '.join(SUFFIXES)}; choose another name"
        )
    _check_target(target, overwrite=overwrite)
    precise = {name: tensors[name].to(checkpoint.original_dtypes[name]) for name in checkpoint.tensors}
    _check_writable(precise, {}, str(target))
    suffix = target.suffix.lower()
    whole = {
        checkpoint.names.get(name, name): value
        for name, value in _alone(precise | checkpoint.buffers).items()
    }
    if suffix in (".safetensors", ".npz"):
        extras = {name: value for name, value in checkpoint.extras.items() if name not in whole}
        content = _encoded(whole, extras, suffix, str(target))
    else:
        content = _as_torch(_wrapped(checkpoint, whole))
    (replace_file if overwrite else create_file)(target, content)


def _wrapped(checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> Any:
    """The tensors in the dictionaries that they were found in, and what else can be made again."""
    place = checkpoint.path
    values: dict[tuple[str | int, ...], object] = {
        entry.path: _made(entry.value)
        for entry in checkpoint.layout
        if entry.path[:-1] != place or not isinstance(entry.value, Opaque)
    }
    values |= {(*place, name): value for name, value in tensors.items()}
    return nest(values)


def _made(value: Value) -> object:
    if isinstance(value, RawTensor):
        return as_tensor(value)
    return EMPTY[value.name]() if isinstance(value, Opaque) else value


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.is_dir() or (target.exists() and not overwrite):
        kind = "a folder" if target.is_dir() else "a file"
        raise CheckpointError(
            f"{target}: {kind} of this name exists and was left alone; expected a free name; choose another "
            "name (in Python, overwrite=True replaces a file)"
        )
    if not target.parent.is_dir():
        raise CheckpointError(f"{target}: the folder {target.parent} does not exist; create it first")


def _alone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # A clone, because some formats would otherwise write the whole storage that a view looks into.
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


def _as_torch(values: object) -> bytes:
    buffer = BytesIO()
    torch.save(values, buffer)
    return buffer.getvalue()


def _encoded(tensors: Mapping[str, Tensor], extras: Mapping[str, Plain], suffix: str, origin: str) -> bytes:
    """Dense CPU tensors and plain values as the bytes of a file."""
    if suffix == ".safetensors":
        # Some programs refuse files that do not say which library's tensors these are.
        metadata = {"format": "pt"} | ({EXTRAS_KEY: json.dumps(dict(extras))} if extras else {})
        return safetensors.torch.save(dict(tensors), metadata=metadata)
    if suffix == ".npz":
        return _as_npz(tensors, extras, origin)
    return _as_torch(OrderedDict([*tensors.items(), *extras.items()]))


def _as_npz(tensors: Mapping[str, Tensor], extras: Mapping[str, Plain], origin: str) -> bytes:
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bfloat16:
            raise CheckpointError(
                f"{origin}: NumPy has no bfloat16, the precision of tensor {name!r}; expected float16, "
                "float32 or float64; convert it with .float(), or save as .safetensors or .pt"
            )
    arrays: dict[str, np.ndarray] = {name: tensor.numpy() for name, tensor in tensors.items()}
    if extras:
        arrays[EXTRAS_KEY] = np.array(json.dumps(dict(extras)))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            archive.writestr(f"{name}.npy", member.getvalue())
    return buffer.getvalue()


def _check_writable(tensors: Mapping[str, Tensor], extras: Mapping[str, Plain], origin: str) -> None:
    if not tensors:
        raise CheckpointError(f"{origin}: there are no tensors to write; expected at least one")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{origin}: {name!r} is a {type(tensor).__name__}; expected a tensor; plain values go to "
                "extras"
            )
        _check_tensor(tensor, f"{origin}: tensor {name!r}")
    for name, value in extras.items():
        # np.float64 is a float that torch would pickle as code.
        if type(value) not in (int, float, str, bool):
            raise CheckpointError(
                f"{origin}: extra {name!r} is a {type(value).__name__}; expected int, float, str or bool"
            )
        if name in tensors:
            raise CheckpointError(f"{origin}: {name!r} names both a tensor and an extra; rename one of them")


def _check_tensor(tensor: Tensor, where: str) -> None:
    """Refuse what cannot be the weights of a network."""
    if tensor.layout != torch.strided or tensor.is_nested:
        raise CheckpointError(f"{where} is sparse ({tensor.layout}); expected a dense one; use .to_dense()")
    if tensor.is_quantized:
        raise CheckpointError(f"{where} is quantized ({tensor.dtype}); expected numbers; use .dequantize()")
    if tensor.is_complex():
        raise CheckpointError(f"{where} is complex ({tensor.dtype}); expected real weights; save its parts")
    if tensor.device.type == "meta":
        raise CheckpointError(f"{where} has a shape but no numbers (meta device); save the real weights")
    if tensor.dtype not in _WRITTEN:
        raise CheckpointError(
            f"{where} has dtype {tensor.dtype} and shape {tuple(tensor.shape)}; expected float16, bfloat16, "
            "float32 or float64 for weights; convert it"
        )
    check_finite(tensor, where, "look for what made it diverge, nothing was written")
