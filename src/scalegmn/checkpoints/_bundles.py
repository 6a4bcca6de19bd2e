"""Files of a folder that are one network together: numbered parts, or parts and the index that names them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.checkpoints._readers import read_bytes
from scalegmn.errors import CheckpointError

_INDEX: Final = re.compile(r"(?P<stem>.+)\.(?P<kind>safetensors|bin)\.index\.json")
_SHARD: Final = re.compile(
    r"(?P<stem>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})\.(?P<kind>safetensors|bin)"
)
LONGEST_INDEX: Final = 2**25
"""Bytes of the index of a network; those of the largest known ones are a third of it."""
_MOST_SHARDS: Final = 10_000

Family = tuple[str, str, str]
"""What numbered parts of one network share: the beginning of their names, how many there are, their kind."""


@final
@dataclass(frozen=True)
class Parts:
    """Files that are one network.

    Attributes:
        files: with the tensors, in order.
        owners: name of each tensor to its file, where an index says so.
        index: the file that says so.
    """

    files: tuple[Path, ...]
    owners: dict[str, str] | None = None
    index: Path | None = None


@final
@dataclass(frozen=True)
class Bundle:
    """Files that belong together, whether or not they make a network.

    Attributes:
        folder: they lie in.
        files: names of parts that are there, in order.
        index: name of the file that says so.
        problem: why they are no network; a sentence that begins with a path.
    """

    folder: Path
    files: tuple[str, ...]
    index: str | None = None
    problem: str | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """Names of all its files."""
        return self.files if self.index is None else (self.index, *self.files)

    @property
    def unnumbered(self) -> tuple[str, ...]:
        """Names of parts that only the index calls parts; by their names they are files of their own."""
        return tuple(name for name in self.files if _SHARD.fullmatch(name) is None)


def bundles_of(folder: Path, names: Sequence[str]) -> tuple[Bundle, ...]:
    """The bundles among some files of a folder.

    Indices that share a part are problems.  An index with a problem has the numbered parts of its own name,
    and no others.

    Args:
        folder: with the files.
        names: of the files, sorted.
    """
    families: dict[Family, list[str]] = {}
    for name in names:
        match = _SHARD.fullmatch(name)
        if match is not None:
            families.setdefault((match["stem"], match["count"], match["kind"]), []).append(name)
    found = _without_shared(
        [_indexed(folder, name, families) for name in names if _INDEX.fullmatch(name)], families
    )
    taken = {name for bundle in found for name in bundle.files}
    for family, own in families.items():
        left = tuple(name for name in own if name not in taken)
        if left:
            found.append(Bundle(folder, left, problem=_missing(folder, family, left)))
    return tuple(found)


def parse_index(content: bytes, index: Path) -> Parts:
    """The parts that an index names, all of them files beside it.

    Raises:
        CheckpointError: it is damaged, or a part is missing or lies elsewhere.
    """
    try:
        data = json.loads(content)
        owners = data["weight_map"]
        if not isinstance(owners, dict) or not all(isinstance(name, str) for name in owners.values()):
            raise ValueError("its weight_map is no object of names")
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise CheckpointError(
            f"{index}: the index of the parts is damaged ({str(error)[:100] or type(error).__name__}); copy "
            "it again"
        ) from error
    names = sorted(set(owners.values()))
    _check_part_names(names, index)
    return Parts(tuple(index.parent / name for name in names), owners, index)


def read_index(index: Path) -> Parts:
    """The parts that an index file names.

    Raises:
        CheckpointError: it cannot be read, it is damaged, or a part is missing or lies elsewhere.
    """
    return parse_index(read_bytes(path=index, max_bytes=LONGEST_INDEX), index)


def _indexed(folder: Path, name: str, families: Mapping[Family, Sequence[str]]) -> Bundle:
    try:
        files = read_index(folder / name).files
    except CheckpointError as error:
        return _broken(folder, name, families, str(error))
    named = {file.name for file in files}
    for own in families.values():
        left = [part for part in own if part not in named]
        if left and len(left) < len(own):
            text = (
                f"{folder / name}: does not name {left[0][:80]!r}, a part beside those that it names; copy it"
            )
            return _broken(folder, name, families, f"{text} again")
    return Bundle(folder, tuple(file.name for file in files), name)


def _broken(folder: Path, index: str, families: Mapping[Family, Sequence[str]], problem: str) -> Bundle:
    match = _INDEX.fullmatch(index)
    assert match is not None
    own = [
        name
        for (stem, _, kind), names in families.items()
        if (stem, kind) == (match["stem"], match["kind"])
        for name in names
    ]
    return Bundle(folder, tuple(own), index, problem)


def _without_shared(found: Sequence[Bundle], families: Mapping[Family, Sequence[str]]) -> list[Bundle]:
    owner: dict[str, str] = {}
    rivals: dict[str, str] = {}
    for bundle in found:
        for name in bundle.members if bundle.problem is None else ():
            other = owner.setdefault(name, str(bundle.index))
            if other != bundle.index:
                text = f"calls {name[:80]!r} its part, and so does {{}}; expected every part in one network"
                rivals[str(bundle.index)] = text.format(other[:80])
                rivals[other] = text.format(str(bundle.index)[:80])
    return [
        bundle
        if str(bundle.index) not in rivals
        else _broken(
            bundle.folder,
            str(bundle.index),
            families,
            f"{bundle.folder / str(bundle.index)}: {rivals[str(bundle.index)]}; remove one of the two",
        )
        for bundle in found
    ]


def _missing(folder: Path, family: Family, own: Sequence[str]) -> str | None:
    stem, count, kind = family
    if len(own) == int(count) <= _MOST_SHARDS:
        numbers = sorted(int(name.removeprefix(f"{stem}-")[:5]) for name in own)
        if numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(own) - 1:
            return None
        return f"{folder}: the parts of {stem}.{kind} have the numbers {numbers[:8]}, expected them in a row"
    return f"{folder}: {len(own)} of the {int(count)} parts of {stem}.{kind} are here; copy the others too"


def _check_part_names(names: Sequence[str], index: Path) -> None:
    for name in names:
        # A part is a neighbor of its index; anything else would reach through the machine.
        plain = name and not set(name) & set("/\\\0") and name not in (".", "..")
        if not plain or len(names) > _MOST_SHARDS:
            raise CheckpointError(f"{index}: names the part {name[:80]!r}; expected files beside the index")
        # os.path answers where pathlib raises: for names that no file can have.
        if not os.path.isfile(index.parent / name):
            raise CheckpointError(f"{index}: its part {name[:80]!r} is missing; copy it too")
    if not names:
        raise CheckpointError(f"{index}: names no parts; copy it again")
