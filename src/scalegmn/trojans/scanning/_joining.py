"""Files of scanned folders that are one network together become one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from scalegmn.checkpoints import Bundle, FileSearch, FoundFile, bundles_of


def join_parts(sought: FileSearch) -> FileSearch:
    """The same files, with the parts of a network and their index as one.

    It is called like its index.  Numbered parts without index are called like their folder, if that holds
    nothing else that is evaluated, and otherwise like the first part.  Files that were given themselves stay
    what they are too.
    """
    names: dict[Path, list[str]] = {}
    for path in (*sought.walked, *sought.skipped):
        names.setdefault(path.parent, []).append(path.name)
    bundles = [bundle for folder, own in names.items() for bundle in bundles_of(folder, sorted(own))]
    claims: dict[Path, list[Bundle]] = {}
    for bundle in bundles:
        for name in bundle.members:
            claims.setdefault(bundle.folder / name, []).append(bundle)
    inside = Counter(folder for path in sought.walked for folder in path.parents)
    files: dict[tuple[Path, bool], FoundFile] = {}
    for found in sought.files:
        for bundle in claims.get(found.path, ()):
            place = _place(bundle, alone=inside[bundle.folder] == len(bundle.members))
            files.setdefault((place, True), FoundFile(place, bundle=bundle))
        if found.path not in claims or found.path in sought.given:
            files[found.path, False] = found
    return dataclasses.replace(
        sought,
        files=tuple(files.values()),
        skipped=tuple(path for path in sought.skipped if path not in claims),
    )


def loose_parts(bundle: Bundle) -> tuple[FoundFile, ...]:
    """Parts that only the index calls so, to be evaluated as files of their own where it says nothing true.

    Whoever makes an index must not hide a file by it.
    """
    return tuple(FoundFile(bundle.folder / name) for name in bundle.unnumbered)


def _place(bundle: Bundle, *, alone: bool) -> Path:
    if bundle.index is not None:
        return bundle.folder / bundle.index
    return bundle.folder if alone else bundle.folder / bundle.files[0]
