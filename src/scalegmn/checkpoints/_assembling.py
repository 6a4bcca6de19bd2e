"""One network of a file, put together from the entries of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import torch
from torch import Tensor

from scalegmn.checkpoints._checkpoint import Checkpoint
from scalegmn.checkpoints._contents import UNKNOWN_ARRAY, Contents, ContentsEntry, Opaque, Plain, RawTensor
from scalegmn.checkpoints._finding import (
    FLOATING,
    FoundNetwork,
    lies_under,
    optimizer_states,
    own_names,
    shown_path,
    unread_numbers,
)
from scalegmn.checkpoints._readers import FileContents
from scalegmn.checkpoints._tensors import as_tensor, check_kind, check_total, convert_precision, plain_value
from scalegmn.checkpoints._tree_names import dotted_names
from scalegmn.checkpoints._values import EMPTY
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

_TENSOR_ATTRIBUTES: Final = frozenset(dir(Tensor))
_FORMAT_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "torch": (".pt", ".pth", ".ckpt", ".bin", ".tar"),
        "torch_legacy": (".pt", ".pth", ".ckpt", ".bin", ".tar"),
        "safetensors": (".safetensors",),
        "npz": (".npz",),
        "pickle": (".pkl", ".pickle"),
        "hdf5": (".h5", ".hdf5"),
        "keras": (".keras",),
    }
)
# Formats without nested dictionaries, whose names of arrays may be paths.
_NAMED_BY_PATHS: Final = ("npz",)


@final
class Assembly:
    """The networks of one file."""

    def __init__(self, found: FileContents, origin: str, dtype: torch.dtype | None, max_bytes: int) -> None:
        self._found, self._origin, self._dtype, self._most = found, origin, dtype, max_bytes
        self._optimizers = optimizer_states(found.contents)
        for entry in found.contents.entries:
            hidden = [name for name in entry.attributes if name in _TENSOR_ATTRIBUTES]
            if hidden:
                raise UnsafeCheckpointError(
                    f"tensor {shown_path(entry.path)[:80]!r} has an attribute {hidden[0]!r} that hides its "
                    "method of this name, so other readers would see other numbers; save module.state_dict() "
                    "again"
                )

    def parameters(self, network: FoundNetwork) -> frozenset[int]:
        """Places of the entries that are parameters of a network."""
        entries = self._found.contents.entries
        return frozenset(place for place in network.entries if _is_parameter(entries[place]))

    def checkpoint(self, network: FoundNetwork, *, alone: bool) -> Checkpoint:
        """One network.

        Raises:
            CheckpointError: a tensor cannot be a parameter, or names are ambiguous.
        """
        contents = self._found.contents
        entries = {place: contents.entries[place] for place in network.entries}
        parameters = {place: entry for place, entry in entries.items() if _is_parameter(entry)}
        for entry in parameters.values():
            check_kind(entry)
        check_total(parameters.values(), double=self._dtype == torch.float64, max_bytes=self._most)
        held = {str(e.path[-1]): e for e in entries.values() if _holds(e)}
        if len(held) != sum(map(_holds, entries.values())):
            raise CheckpointError(
                f"two tensors in {shown_path(network.path)!r} have names that look alike, such as 1 and '1'; "
                "expected texts as names; rename one of them"
            )
        plain = self._names(list(held), entries.values())
        own = {theirs: name for name, theirs in plain.items()}
        tensors, dtypes = {}, {}
        for entry in parameters.values():
            name = own[str(entry.path[-1])]
            raw = as_tensor(entry.value)
            tensors[name], dtypes[name] = convert_precision(raw, self._dtype, f"tensor {name!r}"), raw.dtype
        buffers = {own[n]: as_tensor(e.value) for n, e in held.items() if not _is_parameter(e)}
        extras = self._extras(network, set(tensors))
        return Checkpoint(
            tensors=tensors,
            extras=extras,
            origin=self._origin,
            sha256=self._found.sha256,
            original_dtypes=dtypes,
            ignored=self._ignored(network),
            buffers=buffers,
            unread=unread_numbers(contents, frozenset(parameters)),
            notes=(*contents.notes, *self._notes(network, plain, alone=alone)),
            calls=calls_of(contents),
            path=network.path,
            names=plain,
            layout=tuple(
                entry
                for place, entry in enumerate(contents.entries)
                if self._is_kept(entry) and not (place in entries and _holds(entry))
            ),
            format=contents.format,
        )

    def _names(self, held: list[str], entries: Iterable[ContentsEntry]) -> dict[str, str]:
        """Names of tensors to their names in the file."""
        if self._found.contents.format not in _NAMED_BY_PATHS:
            return own_names(held)
        dotted_names([str(entry.path[-1]) for entry in entries])  # plain values have names of their own, too
        dotted = dotted_names(held)
        return {name: dotted[theirs] for name, theirs in own_names(list(dotted)).items()}

    def _extras(self, network: FoundNetwork, taken: set[str]) -> dict[str, Plain]:
        """Plain values in the network's dictionary and in those around it."""
        around = [network.path[:depth] for depth in range(len(network.path) + 1)]
        inner: dict[str, Plain] = {}
        outer: dict[str, Plain] = {}
        for entry in self._found.contents.entries:
            if not entry.path or entry.inside is not None or entry.path[:-1] not in around:
                continue
            inside = entry.path[:-1] == network.path
            value = plain_value(entry.value, also_floating=not inside)
            if value is not None:
                (inner if inside else outer)[str(entry.path[-1])] = value
        twice = [name for name in outer if name in inner or name in taken]
        if twice:
            raise CheckpointError(
                f"{twice[0]} occurs both in {shown_path(network.path)!r} and beside it; expected every name "
                "once; save the network in a file of its own"
            )
        return inner | outer

    def _ignored(self, network: FoundNetwork) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for entry in self._found.contents.entries:
            if entry.path[:-1] == network.path and (
                _holds(entry) or plain_value(entry.value, also_floating=True) is not None
            ):
                continue
            shared = 0
            while (
                shared < len(network.path)
                and entry.path[shared : shared + 1] == network.path[shared : shared + 1]
            ):
                shared += 1
            plain = plain_value(entry.value, also_floating=True) is not None
            if not (plain and len(entry.path) == shared + 1):
                found.setdefault(shown_path(entry.path[: shared + 1]))
        return tuple(found)

    def _notes(self, network: FoundNetwork, plain: Mapping[str, str], *, alone: bool) -> list[str]:
        notes = []
        kind, suffix = self._found.contents.format, Path(self._origin).suffix.lower()
        written = {own for suffixes in _FORMAT_SUFFIXES.values() for own in suffixes}
        if suffix in written and suffix not in _FORMAT_SUFFIXES[kind]:
            notes.append(f"the file is called {suffix} and is a file of the kind {kind}")
        if network.path and alone:
            notes.append(f"the weights were taken from {shown_path(network.path)!r}")
        changed = [(name, theirs) for name, theirs in plain.items() if name != theirs]
        if changed and changed[0][0] in dotted_names([changed[0][1]]):
            notes.append(f"parts of names were put between dots: {changed[0][1]!r} is {changed[0][0]!r}")
        elif changed:
            notes.append(f"what wrappers of modules put into names was taken off, as in {changed[0][1]!r}")
        objects = {name for name in map(_object_name, self._found.contents.entries) if name}
        if objects:
            notes.append(f"objects were left out and not made: {', '.join(sorted(objects)[:4])}")
        return notes

    def _is_kept(self, entry: ContentsEntry) -> bool:
        # Of other tensors only single numbers, such as a loss; arrays may be other networks.
        if entry.inside is not None or (isinstance(entry.value, RawTensor) and entry.value.shape):
            return False
        state = lies_under(entry.path, self._optimizers)
        groups = "param_groups" in entry.path
        return not state and not groups and (not isinstance(entry.value, Opaque) or entry.value.name in EMPTY)


def _holds(entry: ContentsEntry) -> bool:
    """Whether an entry is a tensor."""
    return isinstance(entry.value, RawTensor)


def _is_parameter(entry: ContentsEntry) -> bool:
    value = entry.value
    if isinstance(value, Opaque):
        return value.numbers and value.name != UNKNOWN_ARRAY
    return isinstance(value, RawTensor) and value.dtype in FLOATING and value.nbytes > 0


def _object_name(entry: ContentsEntry) -> str:
    """The class of an object that was left out; nothing for all else."""
    value = entry.value
    if not isinstance(value, Opaque) or entry.inside is not None or value.name in EMPTY or value.numbers:
        return ""
    return value.name


def calls_of(contents: Contents) -> tuple[str, ...]:
    """What another reader of a file would call with arguments, each once."""
    names = [e.value.name for e in contents.entries if isinstance(e.value, Opaque) and e.value.called]
    return tuple(dict.fromkeys(names))
