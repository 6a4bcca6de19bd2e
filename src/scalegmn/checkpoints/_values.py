"""Nested plain values and tensors of a file, such as the state of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from torch import Tensor

from scalegmn.checkpoints._contents import Opaque, Place, RawTensor
from scalegmn.checkpoints._finding import shown_path
from scalegmn.checkpoints._readers import DEFAULT_MAX_BYTES, DirectReader
from scalegmn.checkpoints._tensors import as_tensor, check_finite
from scalegmn.errors import CheckpointError


def read_values(path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """Read the nested plain values and tensors of a file of ``torch.save``, such as the state of a training.

    Dictionaries, lists and tuples become dictionaries and lists; tensors keep their types.  Nothing runs.

    Raises:
        CheckpointError: the file cannot be read, or holds an object that is neither plain nor a tensor.
    """
    found = DirectReader().read(path, max_bytes=max_bytes)
    values: dict[tuple[str | int, ...], object] = {}
    for entry in found.contents.entries:
        if entry.inside is not None:
            continue
        value = entry.value
        if isinstance(value, RawTensor):
            values[entry.path] = as_tensor(value)
        elif isinstance(value, Opaque):
            if value.name not in EMPTY:
                raise CheckpointError(
                    f"{os.fspath(path)}: {shown_path(entry.path)!r} is a {value.name}; expected tensors and "
                    "plain values"
                )
            values[entry.path] = EMPTY[value.name]()
        else:
            values[entry.path] = value
    return nest(values)


def read_tensors(path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_BYTES) -> dict[str, Tensor]:
    """Read a file of tensors by name and nothing else, such as the weights of a saved model.

    Unlike :func:`~scalegmn.checkpoints.read_state`, nothing is looked for, converted or left out;
    tensors may be empty.

    Raises:
        NonFiniteError: a tensor holds NaN or infinite numbers.
        CheckpointError: the file cannot be read, or holds something else.
    """
    found = read_values(path, max_bytes=max_bytes)
    tensors = found if isinstance(found, dict) else {}
    wrong = [name for name, value in tensors.items() if not isinstance(value, Tensor)]
    if wrong or not tensors:
        what = f"{str(wrong[0])!r} is none" if wrong else "there are none"
        raise CheckpointError(
            f"{os.fspath(path)}: expected tensors by name, but {what}; save the model again"
        )
    for name, value in tensors.items():
        check_finite(value, f"{os.fspath(path)}: tensor {name!r}", "train the model again")
    return {str(name): value for name, value in tensors.items()}


EMPTY: Final[Mapping[str, type]] = MappingProxyType(
    {
        "dict": dict,
        "list": list,
        "tuple": tuple,
        "NoneType": type(None),
        "torch.Size": tuple,
        "builtins.set": set,
    }
)
"""Opaque values that can be made again without a file's help."""


def nest(values: Mapping[tuple[str | int, ...], object]) -> Any:
    """Nested dictionaries and lists from values by their paths; lists that lack items become dictionaries."""
    if () in values:
        return values[()]
    parts: dict[str | int, dict[tuple[str | int, ...], object]] = {}
    for path, value in values.items():
        parts.setdefault(path[0], {})[path[1:]] = value
    made = {key: nest(part) for key, part in parts.items()}
    is_list = all(isinstance(key, Place) for key in made) and list(made) == list(range(len(made)))
    return list(made.values()) if made and is_list else made
