"""Whether files are still the bytes that a scan evaluated."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.checkpoints import LINKED_FOLDER, FoundFile, checksum, find_files
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.trojans.scanning._manifest import SKIPPED, Manifest, ManifestEntry
from scalegmn.trojans.scanning._results import Verdict

_ACCEPTED: Final = frozenset({Verdict.clean.value, SKIPPED})


@final
@dataclass(frozen=True)
class FileChange:
    """Why a file must not be deployed.

    Attributes:
        kind: ``changed``, ``missing``, ``extra``, ``unreadable`` or ``unbound``; or the verdict about it.
        path: relative to the folder.
        reason: in words.
    """

    kind: str
    path: str
    reason: str


@final
@dataclass(frozen=True)
class Verification:
    """Result of a verification.

    Attributes:
        folder: that was looked at.
        differences: all of them, in the order of the manifest, extra files last.
        clean: files whose bytes are those that were found clean.
        skipped: files whose bytes are those that the scan did not look at.
    """

    folder: str
    differences: tuple[FileChange, ...]
    clean: int
    skipped: int

    @property
    def counts(self) -> Counter[str]:
        """Differences by kind."""
        return Counter(one.kind for one in self.differences)


def verify(
    manifest: Manifest,
    folder: str | Path | None = None,
    *,
    without: Path | None = None,
    follow_links: bool = False,
) -> Verification:
    """Compare a folder with a manifest.

    Only what is found in the folder is ever opened, never what the manifest names.

    Args:
        manifest: what was evaluated.
        folder: where the files are now; by default where they were.
        without: a file that is none of them, such as the manifest itself.
        follow_links: links are followed; otherwise what they lead to is not believed.

    Raises:
        ConfigurationError: there is no such folder.
    """
    root = Path(manifest.root if folder is None else folder)
    if not root.is_dir():
        raise ConfigurationError(f"{root}: there is no such folder; say where the files are with --folder")
    own = None if without is None else os.path.realpath(without)
    present = _present(manifest, root, follow_links)
    here = {name: found for name, found in present.items() if os.path.realpath(found.path) != own}
    differences: list[FileChange] = []
    kept: Counter[str] = Counter()
    for entry in manifest.entries:
        difference = _compare(entry, here.pop(entry.path, None), follow_links)
        if difference is None:
            kept[entry.verdict] += 1
        else:
            differences.append(difference)
    for name, found in here.items():
        reason = found.problem or "it was not there when the files were scanned"
        differences.append(FileChange("extra", name, reason))
    return Verification(str(root), tuple(differences), kept[Verdict.clean.value], kept[SKIPPED])


def _present(manifest: Manifest, root: Path, follow_links: bool) -> dict[str, FoundFile]:
    """Everything that lies where the manifest says that something is, by its path below the root."""
    here: dict[str, FoundFile] = {}
    for name in manifest.folders:
        folder = root / name
        if _link(folder, name) is not None and not follow_links:
            here[name] = FoundFile(folder, LINKED_FOLDER)
        elif folder.is_dir():
            sought = find_files([folder], follow_links=follow_links)
            for found in (*sought.files, *map(FoundFile, sought.skipped)):
                here[found.path.relative_to(root).as_posix()] = found
    for entry in manifest.entries:
        if os.path.lexists(root / entry.path):
            here.setdefault(entry.path, FoundFile(root / entry.path))
    return here


def _compare(entry: ManifestEntry, found: FoundFile | None, follow_links: bool) -> FileChange | None:
    if entry.verdict not in _ACCEPTED:
        return FileChange(entry.verdict, entry.path, "the scan did not find it clean")
    if found is None:
        return FileChange("missing", entry.path, "there is no such file")
    if found.problem is not None:
        return FileChange("unreadable", entry.path, found.problem)
    if entry.sha256 is None or entry.size is None:
        return FileChange("unbound", entry.path, "its bytes were not read when the files were scanned")
    link = None if follow_links else _link(found.path, entry.path)
    if link is not None:
        return FileChange("unreadable", entry.path, f"{link} is a link; give --follow-links to believe it")
    try:
        size = found.path.stat().st_size
        if size != entry.size:
            return FileChange("changed", entry.path, f"it has {size:,} bytes and had {entry.size:,}")
        sha256, _ = checksum(found.path, max_bytes=entry.size)
    except CheckpointError as error:
        return FileChange("unreadable", entry.path, str(error))
    except OSError as error:
        return FileChange("unreadable", entry.path, str(error.strerror))
    if sha256 != entry.sha256:
        return FileChange("changed", entry.path, f"its SHA-256 is {sha256} and was {entry.sha256}")
    return None


def _link(path: Path, name: str) -> str | None:
    """The part of a path below the root that is a link."""
    parts = Path(name).parts
    for up in range(len(parts)):
        place = path.parents[up - 1] if up else path
        if place.is_symlink():
            return "/".join(parts[: len(parts) - up])
    return None
