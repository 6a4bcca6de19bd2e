"""Files of Keras and other HDF5 files: which arrays are weights, and what they are called.

Three layouts are known.  Keras 3 (``.weights.h5``, and the same within a ``.keras`` archive) numbers the
variables of each layer: ``layers/dense/vars/0``.  Keras 2, and the ``.h5`` files of Keras 3, list layers and
names of weights in attributes: ``model_weights/dense/dense/kernel:0``.  Any other file has its own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scalegmn.checkpoints._contents import Contents, ContentsEntry, Opaque, Value
from scalegmn.checkpoints._hdf5_files import SIGNATURE, Path, StoredArray, StoredTree, open_tree, shown
from scalegmn.checkpoints._hdf5_numbers import check_sizes, read_array
from scalegmn.errors import CheckpointError

WEIGHTS: Final = "model.weights.h5"
"""The member of a ``.keras`` archive that holds the weights."""

# Members of a ``.keras`` archive that hold no weights; assets are vocabularies and the like.
_COMPANY: Final = ("config.json", "metadata.json")
_ASSETS: Final = "assets/"
_VARIABLES: Final = "vars"
# Where optimizers keep their states in Keras 3 and before.
_OPTIMIZER, _OLD_OPTIMIZER = "optimizer", "optimizer_weights"
_LISTED: Final = "model_weights"
_TOP_LEVEL: Final = "top_level_model_weights"
# What Keras 2 puts behind names of variables.
_OUTPUT: Final = re.compile(r":[0-9]+$")
_SHOWN: Final = 80


def may_need_hdf5(head: bytes, tail: bytes) -> bool:
    """Whether a file with these first and last bytes may be an HDF5 file or a Keras archive.

    Of an archive the last bytes hold the directory, or its end with the last members.
    """
    return head.startswith(SIGNATURE) or (head.startswith(b"PK") and WEIGHTS.encode() in tail)


def is_keras_archive(members: Mapping[str, object]) -> bool:
    """Whether the members of a zip archive are those of ``model.save("model.keras")``."""
    return WEIGHTS in members


def decode_keras(members: Mapping[str, bytes | memoryview], *, max_bytes: int) -> Contents:
    """The weights of a ``.keras`` archive; what else it holds is named and not read.

    Raises:
        CheckpointError: another member holds what may be weights, or the weights cannot be read.
    """
    others = [name for name in members if name != WEIGHTS]
    strange = [name for name in others if name not in _COMPANY and not name.startswith(_ASSETS)]
    if strange:
        raise CheckpointError(
            f"its member {strange[0][:_SHOWN]!r} is none of a Keras archive with all weights in {WEIGHTS}; "
            "expected that and config.json, metadata.json and assets; save it again with one file of weights"
        )
    content = bytes(members[WEIGHTS])
    if not content.startswith(SIGNATURE):
        raise CheckpointError(f"its member {WEIGHTS} is no HDF5 file; copy or save it again")
    # What was unpacked counts, and so do its arrays, which are read from it.
    found = decode_hdf5(content, max_bytes=max_bytes)
    notes = (f"of the Keras archive the weights alone were read, not {_listed(others)}",) if others else ()
    return Contents("keras", found.entries, (*notes, *found.notes))


def decode_hdf5(content: bytes, *, max_bytes: int) -> Contents:
    """All arrays of an HDF5 file under names with dots.

    Raises:
        CheckpointError: it is damaged, too large, leads elsewhere, or two arrays would have one name.
    """
    tree = open_tree(content)
    check_sizes(tree.arrays, max_bytes=max_bytes)
    names, notes = _names(tree)
    taken = set(names.values())
    company = [array for array in tree.arrays if array.path not in taken]
    arrays = {array.path: array for array in tree.arrays}
    entries = [ContentsEntry((name,), _value(arrays[path], content)) for name, path in names.items()]
    for top in dict.fromkeys(array.path[0] for array in company):
        count = sum(array.path[0] == top for array in company)
        if top in names:
            raise CheckpointError(
                f"an array and the state of an optimizer are both called {top!r}; expected two "
                "names; rename one"
            )
        entries.append(ContentsEntry((top,), Opaque(f"state of an optimizer ({count:,} arrays)")))
    return Contents("hdf5", tuple(entries), notes)


def _value(array: StoredArray, content: bytes) -> Value:
    if array.dtype is None:
        return Opaque("HDF5 array of texts" if array.handle.get_type().get_class() == _string() else "empty")
    tensor = read_array(array, content)
    if array.shape or not array.dtype.startswith(("int", "uint", "bool")):
        return tensor
    number = int.from_bytes(bytes(tensor.data), "little", signed=array.dtype.startswith("int"))
    return bool(number) if array.dtype == "bool" else number


def _string() -> int:
    from h5py import h5t

    return int(h5t.STRING)


def _names(tree: StoredTree) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Names of the weights to their paths, and notes; arrays without a name are states of optimizers."""
    listed = next((top for top in ((_LISTED,), ()) if _layers(tree, top) is not None), None)
    if listed is not None:
        named = _named_by_lists(tree, listed)
        taken = {path for _, path in named}
        rest = [array.path for array in tree.arrays if array.path not in taken]
        rest = [path for path in rest if path[0] != _OLD_OPTIMIZER]
        pairs = [*named, *((_dotted(path), path) for path in rest)]
    elif tree.arrays and all(_VARIABLES in array.path[-2:-1] for array in tree.arrays):
        kept = [array.path for array in tree.arrays if array.path[0] != _OPTIMIZER]
        pairs = [(_dotted(path), path) for path in sorted(kept, key=_natural)]
    else:
        pairs = [(_dotted(array.path), array.path) for array in tree.arrays]
    changed = [(name, path) for name, path in pairs if name != "/".join(path)]
    if not changed:
        return _once(pairs), ()
    name, path = changed[0]
    return _once(pairs), (f"parts of names were put between dots: {shown(path)} is {name[:_SHOWN]!r}",)


def _layers(tree: StoredTree, top: Path) -> tuple[str, ...] | None:
    return tree.texts(top, "layer_names") if top in tree.groups else None


def _named_by_lists(tree: StoredTree, top: Path) -> list[tuple[str, Path]]:
    """Weights in the order of the network, as attributes list them: name and path of each."""
    layers = _layers(tree, top) or ()
    known = {array.path for array in tree.arrays}
    found: list[tuple[str, Path]] = []
    extra = (_TOP_LEVEL,) if (*top, _TOP_LEVEL) in tree.groups and _TOP_LEVEL not in layers else ()
    for layer in (*layers, *extra):
        group = (*top, *layer.split("/"))
        weights = tree.texts(group, "weight_names") if group in tree.groups else None
        if weights is None:
            raise CheckpointError(
                f"it lists the layer {layer[:_SHOWN]!r}, whose group or list of weights is missing; copy or "
                "save it again"
            )
        for weight in weights:
            path = (*group, *weight.split("/"))
            if path not in known:
                raise CheckpointError(
                    f"it lists the weight {shown(path)}, which is missing; copy or save it again"
                )
            found.append((_with_layer(layer, weight), path))
    if len({path for _, path in found}) != len(found):
        raise CheckpointError("it lists a weight twice; expected every weight once; save it again")
    return found


def _with_layer(layer: str, weight: str) -> str:
    """Name of a weight: that of its layer once, and what follows."""
    parts = _OUTPUT.sub("", weight).split("/")
    owner = layer.split("/")
    for start in range(len(parts) - len(owner)):
        if parts[start : start + len(owner)] == owner:
            return ".".join(parts[start:])
    return ".".join((*owner, *parts)) if layer != _TOP_LEVEL else ".".join(parts)


def _dotted(path: Path) -> str:
    return ".".join((*path[:-1], _OUTPUT.sub("", path[-1])))


def _natural(path: Path) -> list[list[tuple[int, str]]]:
    """Sorts numbers in names by their size."""
    return [
        [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in _pieces(name)]
        for name in path
    ]


def _pieces(name: str) -> Iterable[str]:
    return re.findall(r"[0-9]+|[^0-9]+", name)


def _once(pairs: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, path in pairs:
        if name in found:
            raise CheckpointError(
                f"the arrays {shown(found[name])} and {shown(path)} would both be called {name[:_SHOWN]!r}; "
                "expected names that differ in more than how their parts are joined; rename one of them"
            )
        found[name] = path
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return ", ".join(name[:_SHOWN] for name in names[:4]) + more
