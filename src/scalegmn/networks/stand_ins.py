"""What takes the place of objects of other libraries, and which names are refused.

See :mod:`scalegmn.networks.restricted_pickle`, whose values these are.  A name of another library is always
harmless here, because nothing looks it up.  Names that no honest checkpoint needs are refused all the same:
those of Python's standard library, of its built-in functions and of torch, beyond a short list.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, final

import torch

from scalegmn.networks.pickles import HARMLESS_GLOBALS, unsafe

_MOST_NUMBERS: Final = 2**40
# Characters of a name that a message shows.
_SHOWN: Final = 200

_BUILT_IN_TYPES = (
    *("bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object"),
    *("set", "str", "tuple", "unicode"),
)
_HARMLESS = HARMLESS_GLOBALS | {
    "_codecs.encode",
    "collections.defaultdict",
    "copyreg._reconstructor",
    "operator.getitem",
    "types.GenericAlias",
    *(f"builtins.{name}" for name in _BUILT_IN_TYPES),
}
# Nothing in these does more than describe a value, and type hints and paths are common in configurations.
_HARMLESS_MODULES = frozenset({"datetime", "pathlib", "pathlib._local", "typing"})
_GUARDED_PACKAGES = frozenset({*sys.stdlib_module_names, "torch"}) - {"__main__"}
# What the modules were called in Python 2, whose names old protocols use.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}

_DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "torch.BFloat16Storage": torch.bfloat16,
        "torch.BoolStorage": torch.bool,
        "torch.ByteStorage": torch.uint8,
        "torch.CharStorage": torch.int8,
        "torch.DoubleStorage": torch.float64,
        "torch.FloatStorage": torch.float32,
        "torch.HalfStorage": torch.float16,
        "torch.IntStorage": torch.int32,
        "torch.LongStorage": torch.int64,
        "torch.ShortStorage": torch.int16,
    }
)


@final
@dataclass(frozen=True)
class Name:
    """A name that the pickle looks up, as ``module.name``; nothing was looked up."""

    text: str


@final
@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that lie beside the pickle under a key."""

    dtype: torch.dtype
    key: str
    numel: int


@final
@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that the pickle describes: entries of a storage, by offset, size and stride.

    Only the types were checked, not whether the entries exist.
    """

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@final
@dataclass(eq=False, repr=False, slots=True)
class StandIn:
    """An object that was not made: what it would have been made from.

    Attributes:
        name: of the class or function that would have been called.
        arguments: of the call.
        state: what the object would have been given afterwards; commonly a dict of its attributes.
        elements, items: what would have been put into it, if it is a list, a set or a dict.
    """

    name: str
    arguments: tuple[object, ...]
    state: object = None
    elements: list[object] = field(default_factory=list)
    items: dict[object, object] = field(default_factory=dict)


def name_of(module: object, name: object, *, origin: str) -> Name:
    """A name that a pickle looks up.

    Raises:
        UnsafeCheckpointError: it is none that a checkpoint needs.
    """
    if not isinstance(module, str) or not isinstance(name, str):
        raise unsafe(names=["<computed name>"], origin=origin)
    module = _RENAMED.get(module, module)
    text = f"{module}.{name}"
    package = module.partition(".")[0]
    harmless = text in _HARMLESS or module in _HARMLESS_MODULES or package not in _GUARDED_PACKAGES
    # A dot in the name would reach through whatever the module has imported.
    if not harmless or "." in name or not module:
        raise unsafe(names=[text[:_SHOWN]], origin=origin)
    return Name(text)


def value_of_call(target: object, arguments: tuple[object, ...], *, origin: str) -> object:
    """What stands for the value of a call: a dict, a :class:`StoredTensor` or a :class:`StandIn`.

    Raises:
        UnsafeCheckpointError: what would be called is no name.
        ValueError: the arguments of torch's function that makes a tensor are of unknown kinds.
    """
    if not isinstance(target, Name):
        raise unsafe(names=[f"<a call of a {type(target).__name__}>"], origin=origin)
    match target.text:
        case "collections.OrderedDict" if not arguments:
            return {}
        case "collections.defaultdict":
            return {}
        case "torch._utils._rebuild_tensor_v2":
            return _tensor(arguments)
        case "torch._utils._rebuild_parameter" if arguments and isinstance(arguments[0], StoredTensor):
            return arguments[0]
    return StandIn(target.text, arguments)


def storage_of(reference: object) -> Storage:
    """The numbers that a pickle refers to with a persistent identifier.

    Raises:
        ValueError: it refers to anything else.
    """
    match reference:
        case ("storage", Name(text=kind), str(key), str(), int(numel)) if kind in _DTYPES:
            if 0 <= numel <= _MOST_NUMBERS:
                return Storage(_DTYPES[kind], key, numel)
    raise ValueError(
        "it refers to something beside it that is not a storage of numbers (expected 'storage', the kind of "
        "storage, its key, its device and its length)"
    )


def _tensor(arguments: tuple[object, ...]) -> StoredTensor:
    match arguments:
        case (Storage() as storage, int(offset), tuple(size), tuple(stride), *_):
            numbers = (offset, *size, *stride)
            if all(isinstance(n, int) and 0 <= n <= _MOST_NUMBERS for n in numbers):
                return StoredTensor(storage, offset, size, stride)
    raise ValueError("it describes a tensor in an unknown way")
