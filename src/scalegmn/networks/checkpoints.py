"""Reading and writing the checkpoint file of one network.

:func:`read_state` reads ``.safetensors``, ``.npz``, ``.pt`` and ``.pth`` without ever running what a
file contains, and :func:`write_state` writes them so that a file is either whole or not there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from scalegmn.disk import create_file, replace_file
from scalegmn.errors import CheckpointError, NonFiniteError
from scalegmn.networks.containers import Plain, decode, encode, known_suffix
from scalegmn.networks.files import read_bytes

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training programs commonly keep the state dict of the network."""

_WEIGHT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_DEFAULT_MAX_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tensors: the parameters by name, in the file's order; dense, on the CPU, without gradient,
            contiguous, sharing memory with nothing, float32 or float64, all numbers finite.
        extras: plain entries, such as the integer ``label`` that some published collections keep in
            the state dict.  Integers and truth values stored as 0-dimensional tensors are plain too.
        origin: the path that was read, for error messages.
        sha256: checksum of the file's bytes, in hexadecimal.
        original_dtypes: the precision of each tensor in the file.
        ignored: names of entries that are neither tensors nor plain values, or that lie in them
            (optimizer states, lists, None); they were left out.
    """

    tensors: dict[str, Tensor]
    extras: dict[str, Plain]
    origin: str
    sha256: str
    original_dtypes: dict[str, torch.dtype]
    ignored: tuple[str, ...] = ()


def read_state(
    path: str | os.PathLike[str], *, dtype: torch.dtype | None = None, max_bytes: int = _DEFAULT_MAX_BYTES
) -> Checkpoint:
    """Read the parameters of one network from a file.

    Conversions, all of them: float16 and bfloat16 become float32 (exactly); float32 and float64 stay
    as they are unless ``dtype`` asks for the other; tensors saved on another device come to the CPU;
    a state dict that lies under exactly one of the keys ``state_dict``, ``model_state_dict`` or
    ``model`` is taken out, and single numbers beside it become extras.  Nothing else is changed; in
    particular names keep prefixes such as ``module.``.

    The file is read into memory once.

    Args:
        path: a file whose suffix is ``.safetensors``, ``.npz``, ``.pt`` or ``.pth``.
        dtype: ``torch.float32`` or ``torch.float64`` for all tensors, or None.
        max_bytes: refuse files that are, or unpack to, more than this.

    Raises:
        UnsafeCheckpointError: if reading the file would run code.  Nothing was run.
        CheckpointError: if the file is missing, damaged, too large or ambiguous, or if a tensor is
            not a dense tensor of finite floating-point numbers.
    """
    if dtype not in (None, torch.float32, torch.float64):
        raise CheckpointError(f"dtype={dtype} was asked for; expected torch.float32, torch.float64 or None.")
    suffix = known_suffix(path)
    origin = os.fspath(path)
    content = read_bytes(path=path, max_bytes=max_bytes)
    entries = decode(content=content, suffix=suffix, origin=origin, max_bytes=max_bytes)
    inner, outer = _unwrap(_with_text_keys(entries, origin), origin)
    found = _Sorted.of(inner, outer)
    if not found.tensors:
        raise CheckpointError(
            f"{origin}: no tensors found; its entries are {_listed(entries)}. Expected a state dict of "
            f"tensors by name, at the top or under one of {', '.join(WRAPPERS)}. Save module.state_dict()."
        )
    _check_size(found.tensors, origin, max_bytes)
    for name, tensor in found.tensors.items():
        _check_tensor(tensor, f"{origin}: tensor {name!r}")
    return Checkpoint(
        tensors={
            name: _converted(t, dtype, f"{origin}: tensor {name!r}") for name, t in found.tensors.items()
        },
        extras=found.extras,
        origin=origin,
        sha256=hashlib.sha256(content).hexdigest(),
        original_dtypes={name: tensor.dtype for name, tensor in found.tensors.items()},
        ignored=tuple(found.ignored),
    )


def write_state(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    *,
    extras: Mapping[str, Plain] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the parameters of one network to a file; the suffix of ``path`` chooses the format.

    The bytes go to a temporary file in the same folder, which is forced to disk and then takes the
    name ``path`` in one step: whoever reads ``path`` sees the old file or the whole new one.  Every
    tensor is written alone, even if it is a view into a larger one, and keeps its precision.
    Tensors that :func:`read_state` would refuse are refused here.

    Args:
        path: ends in ``.safetensors``, ``.npz``, ``.pt`` or ``.pth``.
        tensors: the parameters by name, in the order to be written (``.safetensors`` has its own).
        extras: plain values to keep beside them, for example ``{"label": 3}``.
        overwrite: whether an existing file may be replaced.

    Raises:
        CheckpointError: if the file exists and ``overwrite`` is False, if the folder does not exist,
            or if an entry cannot be written.
        DiskError: if the operating system refuses, or another process made the file meanwhile.
    """
    suffix = known_suffix(path)
    target = Path(path)
    extras = {} if extras is None else extras
    if target.is_dir() or (target.exists() and not overwrite):
        kind = "a folder" if target.is_dir() else "a file"
        raise CheckpointError(
            f"{target}: {kind} of this name exists and was left alone; expected a free name. Choose another "
            "name, or pass overwrite=True to replace a file."
        )
    if not target.parent.is_dir():
        raise CheckpointError(f"{target}: the folder {target.parent} does not exist. Create it first.")
    _check_writable(tensors, extras, str(target))
    # A clone, because some formats would otherwise write the whole storage that a view looks into.
    alone = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    content = encode(tensors=alone, extras=extras, suffix=suffix, origin=str(target))
    (replace_file if overwrite else create_file)(target, content)


def _with_text_keys(entries: Mapping[object, object], origin: str) -> dict[str, object]:
    wrong = [key for key in entries if not isinstance(key, str)]
    if wrong:
        raise CheckpointError(
            f"{origin}: the key {wrong[0]!r} is a {type(wrong[0]).__name__}; expected names of tensors. "
            "Save module.state_dict()."
        )
    return {str(key): value for key, value in entries.items()}


def _unwrap(entries: dict[str, object], origin: str) -> tuple[dict[str, object], dict[str, object]]:
    """The entries of the state dict, and those around it."""
    wrapped: dict[str, Mapping[object, object]] = {}
    for key in WRAPPERS:
        value = entries.get(key)
        if isinstance(value, Mapping) and any(isinstance(item, Tensor) for item in value.values()):
            wrapped[key] = value
    if not wrapped:
        return entries, {}
    loose = [key for key, value in entries.items() if isinstance(value, Tensor) and value.dim() > 0]
    if len(wrapped) > 1 or loose:
        raise CheckpointError(
            f"{origin}: tensors lie under {', '.join([*wrapped, *loose])}, so it is not clear which are the "
            f"network's (entries: {_listed(entries)}). Save the one that is meant in a file of its own."
        )
    ((wrapper, state),) = wrapped.items()
    inner = _with_text_keys(state, f"{origin} ({wrapper})")
    outer = {key: value for key, value in entries.items() if key != wrapper}
    twice = [key for key in outer if key in inner]
    if twice:
        raise CheckpointError(
            f"{origin}: {', '.join(twice)} occurs both in {wrapper!r} and beside it; expected every name "
            f"once. Save what lies in {wrapper!r} in a file of its own."
        )
    return inner, outer


@dataclass(frozen=True)
class _Sorted:
    """Entries by what they are."""

    tensors: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    extras: dict[str, Plain] = dataclasses.field(default_factory=dict)
    ignored: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, inner: Mapping[str, object], outer: Mapping[str, object]) -> _Sorted:
        found = cls()
        for name, value in {**inner, **outer}.items():
            if isinstance(value, int | float | str):
                found.extras[name] = value
            elif not isinstance(value, Tensor):
                found.ignored.append(name)
            elif _is_plain_number(value, also_floating=name in outer):
                found.extras[name] = value.item()
            else:
                found.tensors[name] = value
        return found


def _is_plain_number(tensor: Tensor, *, also_floating: bool) -> bool:
    """Counters and labels are plain; a floating-point scalar in a state dict is a parameter."""
    if (
        tensor.dim() > 0
        or tensor.is_quantized
        or tensor.layout != torch.strided
        or tensor.device.type != "cpu"
    ):
        return False
    return not tensor.is_complex() and (also_floating or not tensor.is_floating_point())


def _check_size(tensors: Mapping[str, Tensor], origin: str, max_bytes: int) -> None:
    # A tensor of stride 0 takes a few bytes in the file and any amount once it is copied.
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if total > max_bytes:
        raise CheckpointError(
            f"{origin}: its tensors take {total:,} bytes, which is more than max_bytes={max_bytes:,}. If you "
            "trust the file, pass a larger max_bytes."
        )


def _check_tensor(tensor: Tensor, where: str) -> None:
    """Refuse what cannot be the weights of a network."""
    if tensor.layout != torch.strided or tensor.is_nested:
        raise CheckpointError(f"{where} is sparse ({tensor.layout}); expected a dense one. Use .to_dense().")
    if tensor.is_quantized:
        raise CheckpointError(f"{where} is quantized ({tensor.dtype}); expected numbers. Use .dequantize().")
    if tensor.is_complex():
        raise CheckpointError(f"{where} is complex ({tensor.dtype}); expected real weights. Save its parts.")
    if tensor.device.type == "meta":
        raise CheckpointError(f"{where} has a shape but no numbers (meta device). Save the real weights.")
    if tensor.dtype not in _WEIGHT_DTYPES:
        raise CheckpointError(
            f"{where} has dtype {tensor.dtype} and shape {tuple(tensor.shape)}; expected float16, bfloat16, "
            "float32 or float64 for weights (whole numbers are read only as 0-dimensional entries). Leave it "
            "out of the file or convert it."
        )
    _check_finite(tensor, where, "The training that made it probably diverged; leave this network out.")


def _check_finite(tensor: Tensor, where: str, remedy: str) -> None:
    if bool(torch.isfinite(tensor).all()):
        return
    nan, inf = int(torch.isnan(tensor).sum()), int(torch.isinf(tensor).sum())
    raise NonFiniteError(
        f"{where} holds {nan} NaN and {inf} Inf among {tensor.numel()} numbers; expected finite numbers. "
        f"{remedy}"
    )


def _converted(tensor: Tensor, dtype: torch.dtype | None, where: str) -> Tensor:
    wanted = dtype or (torch.float64 if tensor.dtype == torch.float64 else torch.float32)
    # A clone, so that tensors that shared memory in the file, or were views, come out independent.
    converted = tensor.detach().to(wanted, copy=True).contiguous()
    _check_finite(converted, f"{where}, converted to {wanted},", "Read it with dtype=torch.float64.")
    return converted


def _check_writable(tensors: Mapping[str, Tensor], extras: Mapping[str, Plain], origin: str) -> None:
    if not tensors:
        raise CheckpointError(f"{origin}: there are no tensors to write; expected at least one.")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{origin}: {name!r} is a {type(tensor).__name__}; expected a tensor. Plain values "
                "go to extras."
            )
        _check_tensor(tensor, f"{origin}: tensor {name!r}")
    for name, value in extras.items():
        if type(value) not in (
            int,
            float,
            str,
            bool,
        ):  # np.float64 is a float that torch would pickle as code
            raise CheckpointError(
                f"{origin}: extra {name!r} is a {type(value).__name__}; expected int, float, str or bool."
            )
        if name in tensors:
            raise CheckpointError(f"{origin}: {name!r} names both a tensor and an extra. Rename one of them.")


def _listed(entries: Mapping[object, object] | Mapping[str, object]) -> str:
    shown = [f"{key!r} ({type(value).__name__})" for key, value in list(entries.items())[:8]]
    more = [f"and {len(entries) - 8} more"] if len(entries) > 8 else []
    return ", ".join([*shown, *more]) or "none"
