"""What takes the place of objects in a pickle that is read without making any.

See :mod:`scalegmn.checkpoints._restricted_pickle`, whose values these are.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, final

from scalegmn.checkpoints._contents import ITEM_SIZES
from scalegmn.checkpoints._names import FROM_TYPE, QUANTIZED, REBUILDERS, STORAGES, is_known, unsafe

_MOST_NUMBERS: Final = 2**48
# Values in a key of a dict, with the tuples that hold them.
_MOST_IN_KEY: Final = 64
_TENSOR_CLASSES: Final = frozenset(
    {"torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"}
)


@final
@dataclass(frozen=True)
class Name:
    """A name that the pickle looks up, as ``module.name``; nothing was looked up."""

    text: str

    @property
    def known(self) -> bool:
        """Whether it only describes values, whatever is done with it."""
        module = self.text.rpartition(".")[0]
        return is_known(self.text, module)


@final
class OrderedEntries(dict[object, object]):
    """An ``OrderedDict`` of the file: unlike a plain dict it may be given attributes beside its items."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: dict[object, object] = {}


@final
@dataclass(frozen=True, eq=False)
class Storage:
    """Numbers that lie beside the pickle under a key.

    Attributes:
        dtype: of the numbers; None where they are mere bytes.
        key: where they lie.
        numel: how many there are; bytes, where they are mere bytes.
        view: name, first number and number of them, of a view into the storage, in old files.
    """

    dtype: str | None
    key: str
    numel: int
    view: tuple[str, int, int] | None = None


@final
@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that the pickle describes: entries of a storage, by offset, size and stride.

    Only the types were checked, not whether the entries exist.
    """

    storage: Storage
    dtype: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    attributes: list[str] = field(default_factory=list)


@final
@dataclass(eq=False, repr=False, slots=True)
class StandIn:
    """An object that was not made: what it would have been made from.

    Attributes:
        name: of the class or function that would have been called.
        arguments: of the call.
        called: whether it is a function, or may be one, of another library.
        numbers: whether it is a tensor of a kind that is not read.
        state: what the object would have been given afterwards; commonly a dict of its attributes.
        elements, items: what would have been put into it, if it is a list, a set or a dict.
    """

    name: str
    arguments: tuple[object, ...]
    called: bool = False
    numbers: bool = False
    state: object = None
    elements: list[object] = field(default_factory=list)
    items: dict[object, object] = field(default_factory=dict)


def value_of_call(target: object, arguments: tuple[object, ...], *, new: bool = False) -> object:
    """What stands for the value of a call: a dict, a :class:`StoredTensor` or a :class:`StandIn`.

    Args:
        target: what is called.
        arguments: of the call.
        new: whether an object is made without its constructor.

    Raises:
        UnsafeCheckpointError: what would be called is no name.
        ValueError: the arguments of torch's function that makes a tensor are of unknown kinds.
    """
    if not isinstance(target, Name):
        raise unsafe([f"<a call of a {type(target).__name__}>"])
    module, _, function = target.text.rpartition(".")
    if target.text == "collections.OrderedDict":
        return _ordered(arguments)
    if target.text == "collections.defaultdict":
        return {}
    if module == "torch._utils" and function in REBUILDERS:
        return _rebuilt(function, arguments)
    if target.text == "_codecs.encode":
        return _bytes_of(arguments)
    if target.text == FROM_TYPE:
        return _from_type(arguments)
    if target.text == "copyreg._reconstructor" and arguments and isinstance(arguments[0], Name):
        return StandIn(arguments[0].text, arguments[1:])
    return StandIn(target.text, arguments, called=not new and not target.known)


def _bytes_of(arguments: tuple[object, ...]) -> object:
    """How older protocols write bytes: as a text of Latin letters that is to be encoded."""
    match arguments:
        # Anything but a text is never asked for its text: that of tuples of tuples can be endless.
        case (str(text), "latin1"):
            return text.encode("latin1")
    return StandIn("_codecs.encode", arguments)


def storage_of(reference: object) -> Storage:
    """The numbers that a pickle refers to with a persistent identifier.

    Raises:
        ValueError: it refers to anything else.
    """
    match reference:
        case ("storage", Name(text=kind), str(key), str(), int(numel), *rest):
            view = _view(rest)
            dtype = (STORAGES | QUANTIZED).get(kind.removeprefix("torch.").removesuffix("Storage"))
            known = dtype is not None or kind == "torch.storage.UntypedStorage"
            if known and 0 <= numel <= _MOST_NUMBERS:
                return Storage(dtype, key, numel, view)
    raise ValueError(
        "it refers to something beside it that is not a storage of numbers (expected 'storage', the kind of "
        "storage, its key, its device and its length)"
    )


def _view(rest: list[object]) -> tuple[str, int, int] | None:
    match rest:
        case [] | [None]:
            return None
        case [(str(name), int(first), int(size))] if (
            min(first, size) >= 0 and max(first, size) <= _MOST_NUMBERS
        ):
            return name, first, size
    raise ValueError("it refers to a view of numbers in an unknown way, which is not a storage")


def _ordered(arguments: tuple[object, ...]) -> OrderedEntries:
    made = OrderedEntries()
    match arguments:
        case ():
            return made
        case (list(pairs),) if all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            for key, value in (tuple(pair) for pair in pairs if isinstance(pair, list | tuple)):
                check_key(key)
                made[key] = value
            return made
    raise ValueError("an OrderedDict is made in an unknown way")


_IN_KEYS: Final = (str, int, float, bytes, type(None), Name, StandIn, StoredTensor)


def check_key(key: object) -> None:
    """Refuse keys of dictionaries whose hash could take for ever, or end the process.

    Raises:
        ValueError: it is none of the usual kinds, or a tuple of many values.
    """
    parts = [key]
    for _ in range(_MOST_IN_KEY):
        part = parts.pop()
        if isinstance(part, tuple):
            # Counted as often as they occur, as a hash does: pairs of pairs can be endless, or too deep.
            parts.extend(part[: _MOST_IN_KEY + 1])
        elif not isinstance(part, _IN_KEYS):
            raise ValueError(f"a key of a dict is a {type(part).__name__}")
        elif isinstance(part, int) and part.bit_length() > 64:
            raise ValueError(f"a key of a dict is a number of {part.bit_length()} bits")
        if not parts:
            return
    raise ValueError(f"a key of a dict is a tuple of more than {_MOST_IN_KEY} values")


def _rebuilt(function: str, arguments: tuple[object, ...]) -> object:
    if REBUILDERS[function] != "tensor":
        # Its numbers belong to it, so they are not left over.
        parts = tuple(
            StoredTensor(part, part.dtype or "uint8", 0, (0,), (1,)) if isinstance(part, Storage) else part
            for part in arguments
        )
        return StandIn(REBUILDERS[function], parts, numbers=True)
    match function, arguments:
        case "_rebuild_tensor_v3", (storage, offset, size, stride, _, hooks, Name(text=dtype), *rest):
            _refuse_extras(hooks, rest)
            return _tensor(storage, offset, size, stride, dtype.removeprefix("torch."))
        case "_rebuild_tensor_v2", (storage, offset, size, stride, _, hooks, *rest):
            _refuse_extras(hooks, rest)
            return _tensor(storage, offset, size, stride, None)
        case "_rebuild_tensor", (storage, offset, size, stride):
            return _tensor(storage, offset, size, stride, None)
        case "_rebuild_parameter", (StoredTensor() | StandIn() as data, _, hooks):
            _refuse_extras(hooks, [])
            return data
        case "_rebuild_parameter_with_state", (StoredTensor() as data, _, hooks, state):
            _refuse_extras(hooks, [])
            give_attributes(data, state)
            return data
    raise ValueError("it describes a tensor in an unknown way")


def _from_type(arguments: tuple[object, ...]) -> object:
    match arguments:
        case (Name(text=function), Name(text=kind), tuple(inner), state) if kind in _TENSOR_CLASSES:
            module, _, name = function.rpartition(".")
            if module == "torch._utils" and name in REBUILDERS:
                made = _rebuilt(name, inner)
                if isinstance(made, StoredTensor):
                    give_attributes(made, state)
                return made
        case (Name(), Name(text=kind), tuple(), _):
            return StandIn(f"tensor of the class {kind}", arguments, numbers=True)
    raise ValueError("it describes a tensor in an unknown way")


_METHODS: Final = frozenset(dir(OrderedDict))


def attributes_of_dict(state: object) -> dict[object, object]:
    """The attributes that a file gives an ``OrderedDict``.

    Raises:
        UnsafeCheckpointError: other readers would see one of them in place of a method.
        ValueError: they are no dict.
    """
    found: dict[object, object] = {}
    for part in state if isinstance(state, tuple) else (state,):
        if not isinstance(part, dict | None):
            raise ValueError(f"the attributes of a dict are a {type(part).__name__}")
        found.update(part or {})
    hidden = [name for name in found if name in _METHODS]
    if hidden:
        raise unsafe([f"<the attribute {hidden[0]} of a dictionary, which hides its method of this name>"])
    return found


def give_attributes(tensor: StoredTensor, state: object) -> None:
    """Note that the file gives a tensor attributes; only their names are kept.

    Raises:
        ValueError: the state is no dict of attributes.
    """
    for part in state if isinstance(state, tuple) else (state,):
        if not isinstance(part, dict | None) or not all(isinstance(name, str) for name in part or ()):
            raise ValueError("it gives a tensor attributes in an unknown way")
        tensor.attributes.extend(map(str, part or ()))


def _refuse_extras(hooks: object, rest: list[object]) -> None:
    """Hooks would run; the last entry can say that all numbers are to be negated."""
    if hooks or any(rest):
        raise ValueError("it gives a tensor hooks or marks (conjugate, negative) that change its numbers")


def _tensor(storage: object, offset: object, size: object, stride: object, dtype: str | None) -> StoredTensor:
    if isinstance(size, StandIn) and size.name == "torch.Size" and size.arguments:
        size = size.arguments[0]
    match storage, offset, size, stride:
        case Storage(), int(), tuple(), tuple():
            numbers = (offset, *size, *stride)
            kind = dtype or storage.dtype or "uint8"
            known = kind in ITEM_SIZES or kind in QUANTIZED.values()
            if all(type(n) is int and 0 <= n <= _MOST_NUMBERS for n in numbers) and known:
                return StoredTensor(storage, kind, offset, size, stride)
    raise ValueError("it describes a tensor in an unknown way")
