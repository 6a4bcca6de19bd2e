"""From the nested values of a file to a flat list of entries, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, final

from scalegmn.checkpoints._contents import ContentsEntry, Opaque, Place, RawTensor, Value
from scalegmn.checkpoints._numpy_pickles import array_of
from scalegmn.checkpoints._stand_ins import Name, OrderedEntries, StandIn, Storage, StoredTensor
from scalegmn.errors import CheckpointError

MOST_ENTRIES: Final = 2**19
DEEPEST: Final = 64
_MOST_STEPS: Final = 2**20
_LARGEST: Final = 2**63
_MOST_LETTERS: Final = 2**26
# Letters of a part of a key that is no text.
_SHOWN: Final = 80

# Kinds of keys that are no text and no number, and may hold tensors.
_MADE: Final = (tuple, StandIn, StoredTensor)

Path = tuple[str | int, ...]


def entries_of(
    value: object, tensor_of: Callable[[StoredTensor, Path], RawTensor]
) -> tuple[ContentsEntry, ...]:
    """All values of a tree, each with the keys that lead to it.

    Objects that were not made are named, and what they hold is looked through for tensors.

    Args:
        value: plain values, dictionaries, lists, tuples, and stand-ins.
        tensor_of: gives the numbers of a tensor.

    Raises:
        CheckpointError: there are too many values, or they are nested too deeply.
    """
    walk = _TreeWalk(tensor_of)
    found: list[ContentsEntry] = []
    letters = 0
    for entry in walk.entries(value, (), None):
        # Every message and every report repeats names.
        letters += sum(len(step) for step in entry.path if isinstance(step, str))
        if letters > _MOST_LETTERS:
            raise CheckpointError("the names in it are too long; expected the checkpoint of a network")
        if len(found) == MOST_ENTRIES:
            raise CheckpointError(
                f"it holds more than {MOST_ENTRIES:,} values; expected the checkpoint of a network"
            )
        found.append(entry)
    return tuple(found)


@final
class _TreeWalk:
    """One way through a tree; values that are shared are visited as often as they occur, objects once."""

    def __init__(self, tensor_of: Callable[[StoredTensor, Path], RawTensor]) -> None:
        self._tensor_of = tensor_of
        self._objects: set[int] = set()
        self._open: set[int] = set()
        self._arrays: dict[int, RawTensor | Opaque | None] = {}
        self._steps = 0

    def entries(self, value: object, path: Path, inside: str | None) -> Iterator[ContentsEntry]:
        # Each key of a path takes time and memory, so that few deep values count as many.
        self._steps += 1 + len(path)
        if self._steps > _MOST_STEPS:
            raise CheckpointError(
                "its values refer to each other too often; expected the checkpoint of a network"
            )
        if len(path) > DEEPEST:
            raise CheckpointError(
                f"its values are nested more than {DEEPEST} deep; expected those of a state dict"
            )
        if isinstance(value, dict | list | tuple):
            yield from self._container(value, path, inside)
        elif isinstance(value, StandIn):
            yield from self._object(value, path, inside)
        elif isinstance(value, StoredTensor):
            yield ContentsEntry(path, self._tensor_of(value, path), tuple(value.attributes), inside)
        elif inside is None:
            yield ContentsEntry(path, _leaf(value))
        elif isinstance(value, Storage):
            yield ContentsEntry(path, _leaf(value), inside=inside)

    def _container(
        self, value: dict[object, object] | list[object] | tuple[object, ...], path: Path, inside: str | None
    ) -> Iterator[ContentsEntry]:
        if id(value) in self._open:
            yield ContentsEntry(path, Opaque("reference to what it lies in"), inside=inside)
            return
        if not value and inside is None:
            yield ContentsEntry(path, Opaque(type(value).__name__.replace("OrderedEntries", "dict")))
        self._open.add(id(value))
        if isinstance(value, dict):
            yield from self._items(value, path, inside)
        else:
            for number, item in enumerate(value):
                yield from self.entries(item, (*path, Place(number)), inside)
        self._open.discard(id(value))

    def _items(self, value: dict[object, object], path: Path, inside: str | None) -> Iterator[ContentsEntry]:
        owners = [(key, item, inside) for key, item in value.items()]
        if isinstance(value, OrderedEntries):
            within = inside or "attributes of a dict"
            owners += [(name, item, within) for name, item in value.attributes.items()]
        names = _names([key for key, _, _ in owners])
        for (key, item, holder), name in zip(owners, names, strict=True):
            if isinstance(key, _MADE):
                yield from self.entries(key, (*path, name), "a key of a dict")
            yield from self.entries(item, (*path, name), holder)

    def _object(self, value: StandIn, path: Path, inside: str | None) -> Iterator[ContentsEntry]:
        # An array that occurs often is made once.
        array = self._arrays[id(value)] if id(value) in self._arrays else array_of(value)
        self._arrays[id(value)] = array
        if array is not None:
            yield ContentsEntry(path, array, inside=inside)
            return
        yield ContentsEntry(path, Opaque(value.name, value.called, value.numbers), inside=inside)
        if id(value) in self._objects:
            return
        self._objects.add(id(value))
        for part in (value.arguments, value.state, value.elements, value.items):
            for entry in self.entries(part, path, value.name):
                # The parts of a sparse or quantized tensor are no tensors of their own.
                if not value.numbers:
                    yield entry


def _leaf(value: object) -> Value:
    if isinstance(value, bool | str | float) or (isinstance(value, int) and -_LARGEST <= value < _LARGEST):
        return value
    if isinstance(value, Storage):
        return Opaque("storage without a tensor", numbers=True)
    return Opaque(value.text if isinstance(value, Name) else type(value).__name__)


def _names(keys: list[object]) -> list[str | int]:
    """The part of a path for each key of a dictionary.

    Raises:
        CheckpointError: two are written alike; one would take the other's place, and nobody would look at it.
    """
    plain = [_key(key) for key in keys if not isinstance(key, _MADE)]
    taken = set(plain)
    if len(taken) < len(plain):
        twice = next(name for number, name in enumerate(plain) if name in plain[:number])
        raise CheckpointError(
            f"two keys of one dictionary are written alike ({str(twice)[:80]!r}), so what lies there could "
            "be taken for each other; save the state dict of the network alone"
        )
    names = []
    for number, key in enumerate(keys):
        name = _key(key)
        if isinstance(key, _MADE):
            name = f"{name} #{number}" if name in taken else name
            taken.add(name)
        names.append(name)
    return names


def _key(key: object) -> str | int:
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return key
    if isinstance(key, tuple):
        return f"({', '.join(str(_key(part))[:_SHOWN] for part in key)})"
    if isinstance(key, StandIn | StoredTensor):
        return f"<{key.name if isinstance(key, StandIn) else 'tensor'}>"
    return key.text if isinstance(key, Name) else repr(key[:_SHOWN] if isinstance(key, bytes) else key)
