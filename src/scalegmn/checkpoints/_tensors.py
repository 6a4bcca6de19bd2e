"""Raw numbers as tensors of torch, and which of them can be the parameters of a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from scalegmn.checkpoints._contents import ITEM_SIZES, ContentsEntry, Opaque, Plain, RawTensor
from scalegmn.checkpoints._finding import FLOATING
from scalegmn.errors import CheckpointError, NonFiniteError

_WEIGHT_DTYPES: Final = ("float16", "bfloat16", "float32", "float64")
_DTYPES: Final[Mapping[str, torch.dtype]] = MappingProxyType(
    {name: getattr(torch, name) for name in ITEM_SIZES}
)


def as_tensor(value: object) -> Tensor:
    """A tensor of its own from raw numbers.

    Shape: that of the raw tensor, which must be one.
    """
    assert isinstance(value, RawTensor)
    kind = _DTYPES[value.dtype]
    if not value.nbytes:
        return torch.empty(value.shape, dtype=kind)
    return torch.frombuffer(bytearray(memoryview(value.data).cast("B")), dtype=kind).reshape(value.shape)


def plain_value(value: object, *, also_floating: bool) -> Plain | None:
    """Counters and labels are plain; a floating-point scalar in a state dict is a parameter."""
    if isinstance(value, bool | int | float | str):
        return value
    if not isinstance(value, RawTensor) or value.shape or value.dtype.startswith(("complex", "float8")):
        return None
    if memoryview(value.data).nbytes != value.nbytes:
        return None  # The numbers of optimizers are not asked for.
    return as_tensor(value).item() if also_floating or value.dtype not in FLOATING else None


def check_total(entries: Iterable[ContentsEntry], *, double: bool, max_bytes: int) -> None:
    """Refuse tensors that take too much memory as they are read.

    Raises:
        CheckpointError: all together take more than `max_bytes`.
    """
    total = 0
    for entry in entries:
        assert isinstance(entry.value, RawTensor)
        count = torch.Size(entry.value.shape).numel()
        total += max((8 if double else 4) * count, entry.value.nbytes)
    if total > max_bytes:
        raise CheckpointError(
            f"its tensors take {total:,} bytes, which is more than max_bytes={max_bytes:,}; if you trust the "
            "file, pass a larger max_bytes"
        )


def check_kind(entry: ContentsEntry) -> None:
    """Refuse what cannot be the weights of a network.

    Raises:
        CheckpointError: names the tensor and its kind.
    """
    where, value = f"tensor {str(entry.path[-1])!r}", entry.value
    if isinstance(value, Opaque):
        remedies = {
            "sparse": "use .to_dense()",
            "quantized": "use .dequantize()",
            "nested": "use .to_padded_tensor(0)",
        }
        remedy = remedies.get(value.name.partition(" ")[0], "save the real weights, module.state_dict()")
        has = "has a shape but no numbers: it " if value.name == "meta tensor" else ""
        raise CheckpointError(f"{where} {has}is a {value.name}; expected a dense tensor of numbers; {remedy}")
    assert isinstance(value, RawTensor)
    if value.dtype.startswith("complex"):
        raise CheckpointError(
            f"{where} is complex (torch.{value.dtype}); expected real weights; save its parts"
        )
    if value.dtype not in _WEIGHT_DTYPES:
        raise CheckpointError(
            f"{where} has dtype torch.{value.dtype} and shape {value.shape}; expected float16, bfloat16, "
            "float32 or float64 for weights; convert it"
        )


def convert_precision(tensor: Tensor, dtype: torch.dtype | None, where: str) -> Tensor:
    """A tensor of float32 or float64; all other precisions become float32.

    Raises:
        NonFiniteError: it holds NaN or infinite numbers, or does so after the conversion.
    """
    check_finite(tensor, where, "the training that made it probably diverged, leave this network out")
    wanted = dtype or (torch.float64 if tensor.dtype == torch.float64 else torch.float32)
    made = tensor.to(wanted)
    check_finite(made, f"{where}, converted to {wanted},", "read it with dtype=torch.float64")
    return made


def check_finite(tensor: Tensor, where: str, remedy: str) -> None:
    """Refuse numbers that are none.

    Raises:
        NonFiniteError: it holds NaN or infinite numbers.
    """
    if bool(torch.isfinite(tensor).all()):
        return
    nan, inf = int(torch.isnan(tensor).sum()), int(torch.isinf(tensor).sum())
    raise NonFiniteError(
        f"{where} holds {nan} NaN and {inf} Inf among {tensor.numel()} numbers; expected finite numbers; "
        f"{remedy}"
    )
