"""Which bytes a verdict is about: one file, or several that are one network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import final

from scalegmn.checkpoints import (
    LONGEST_INDEX,
    Bundle,
    FoundFile,
    Parts,
    checksum,
    digest_of,
    parse_index,
    read_bytes,
)
from scalegmn.errors import CheckpointError
from scalegmn.trojans.scanning._journal import Key
from scalegmn.trojans.scanning._results import BoundFile


@final
@dataclass(frozen=True)
class Identity:
    """The content of a file, or of files that are one network.

    Attributes:
        key: two contents with one key have one verdict.
        sha256: of the bytes; of several files that of their names and checksums.
        size: of all bytes.
        bound: the files, where they are several.
        problem: why nothing is read.
    """

    key: Key = ""
    sha256: str = ""
    size: int = 0
    bound: tuple[BoundFile, ...] = ()
    problem: CheckpointError | None = None


def identify(found: FoundFile, *, max_bytes: int) -> Identity:
    """Read all bytes of what was found; whatever goes wrong is the problem of the identity."""
    try:
        if found.problem is not None:
            raise CheckpointError(found.problem)
        if found.bundle is None:
            sha256, size = checksum(found.path, max_bytes=max_bytes)
            return Identity(f"{sha256}{found.path.suffix.lower()}", sha256, size)
    except CheckpointError as error:
        return Identity(problem=error)
    return _of_bundle(found.bundle, max_bytes)


def parts_of(found: FoundFile, identity: Identity) -> Parts | None:
    """How several files are read as one; None for a single file.

    Raises:
        CheckpointError: the index is not what it was when the files were found or identified.
    """
    bundle = found.bundle
    if bundle is None:
        return None
    files = tuple(bundle.folder / name for name in bundle.files)
    if bundle.index is None:
        return Parts(files)
    index = bundle.folder / bundle.index
    content = read_bytes(path=index, max_bytes=LONGEST_INDEX)
    parts = parse_index(content, index)
    known = {file.path: file.sha256 for file in identity.bound}
    if hashlib.sha256(content).hexdigest() != known[str(index)] or parts.files != files:
        raise CheckpointError("the index was changed while it was read; scan it again")
    return parts


def _of_bundle(bundle: Bundle, max_bytes: int) -> Identity:
    bound: dict[str, BoundFile] = {}
    left, problem = max_bytes, None if bundle.problem is None else CheckpointError(bundle.problem)
    for name in bundle.members:
        path = bundle.folder / name
        bound[name] = BoundFile(str(path))
        try:
            # An index has a size of its own, and counts for nothing beside the tensors.
            is_index = name == bundle.index
            sha256, size = checksum(path, max_bytes=LONGEST_INDEX if is_index else left)
        except CheckpointError as error:
            problem = problem or CheckpointError(f"{name}: {error}")
            continue
        bound[name] = BoundFile(str(path), size, sha256)
        left -= 0 if is_index else size
    if problem is not None:
        return Identity(bound=tuple(bound.values()), problem=problem)
    digest = digest_of([(name, str(bound[name].sha256)) for name in bundle.files])
    index = "" if bundle.index is None else bound[bundle.index].sha256
    # Beginning with a word, no file by itself can have this key.
    return Identity(f"parts:{digest}:{index}", digest, max_bytes - left, tuple(bound.values()))
