"""Which bytes were evaluated: a list that goes with the files until they are deployed.

A verdict is about bytes, not about a name.  A manifest names every file that a scan found, its size, its
SHA-256 and its verdict; :mod:`scalegmn.trojans.scanning._verification` compares a folder with it.  Signed
with a key that the makers of the files do not have, it also says that nobody wrote another manifest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final, final

from scalegmn.checkpoints import checksum, read_small
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.trojans.scanning._results import BoundFile, ScanReport, Verdict, worst

KIND: Final = "scalegmn scan manifest"
FORMAT: Final = 1
SKIPPED: Final = "skipped"
VERDICTS: Final = frozenset({*(verdict.value for verdict in Verdict), SKIPPED})
_LARGEST: Final = 2**28
_SHORTEST_KEY: Final = 16
_LONGEST_KEY: Final = 2**12
_ALGORITHM: Final = "HMAC-SHA256"


@final
@dataclass(frozen=True)
class ManifestEntry:
    """One file.

    Attributes:
        path: relative to the root, with slashes.
        verdict: the gravest of its networks, or ``skipped``.
        size: in bytes.
        sha256: of the bytes; None where they were not read.
    """

    path: str
    verdict: str
    size: int | None
    sha256: str | None


@final
@dataclass(frozen=True)
class Manifest:
    """What a scan said about which bytes.

    Attributes:
        root: folder that the paths are relative to, as it was called when it was scanned.
        folders: scanned folders in it, relative to it; any other file in these is one that was not there.
        entries: all files, no path twice.
        time: when they were evaluated, ISO 8601.
        version: of the library that evaluated.
        detector: identity of the detector, plain data.
        settings: of the scan, plain data.
    """

    root: str
    folders: tuple[str, ...]
    entries: tuple[ManifestEntry, ...]
    time: str
    version: str
    detector: Mapping[str, Any]
    settings: Mapping[str, Any]

    def to_dict(self, *, key: bytes | None = None) -> dict[str, Any]:
        """Plain data, fit for JSON; signed where there is a key."""
        data = {"kind": KIND, "format": FORMAT, **dataclasses.asdict(self)}
        if key is None:
            return data
        return data | {"signature": {"algorithm": _ALGORITHM, "value": _signature(data, key)}}


def manifest_of(report: ScanReport, paths: Sequence[str | Path], *, without: Collection[Path]) -> Manifest:
    """The manifest of a scan.

    Files that the scan skipped are read here, so that their bytes are bound too.

    Args:
        report: of the scan.
        paths: what was scanned.
        without: files of the scan itself, such as its reports.
    """
    given = [Path(path) for path in paths]
    tops = [path if path.is_dir() else path.parent for path in given]
    alone = len({os.path.abspath(top) for top in tops}) == 1
    root = str(tops[0]) if alone else os.path.commonpath([os.path.abspath(top) for top in tops])
    own = {os.path.realpath(path) for path in without}
    entries = _judged(report, root)
    for name in report.skipped:
        if os.path.realpath(name) not in own:
            entries.append(_skipped(Path(name), root, report.settings.max_bytes))
    return Manifest(
        root=root,
        folders=tuple(_relative(path, root) for path in given if path.is_dir()),
        entries=tuple(entries),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        version=report.version,
        detector=dataclasses.asdict(report.detector),
        settings={**report.settings.to_plain(), "prior": report.prior},
    )


def read_manifest(path: Path, *, key: bytes | None = None) -> tuple[Manifest, bool]:
    """Read a manifest, which nobody needs to trust, and check its signature where there is a key.

    Returns:
        The manifest, and whether it is signed.

    Raises:
        ConfigurationError: it is none, it is damaged, it names files outside of its root or one file twice,
            or it lacks the signature that the key makes.
    """
    content = read_small(path, what="manifest", most=_LARGEST)
    try:
        data = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigurationError(f"{path}: this is no manifest of a scan ({why})") from error
    if not isinstance(data, dict) or data.get("kind") != KIND:
        raise ConfigurationError(f"{path}: this is no manifest; expected one of scalegmn scan --manifest")
    if data.get("format") != FORMAT:
        raise ConfigurationError(f"{path}: has format {data.get('format')!r}, expected {FORMAT}")
    signature = data.pop("signature", None)
    if key is not None:
        _check_signature(path, data, signature, key)
    try:
        return _manifest(data), signature is not None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{path}: damaged manifest, {error}; scan the files again") from error


def read_key(path: Path) -> bytes:
    """A secret out of a file, all its bytes.

    Raises:
        ConfigurationError: it cannot be read, or is too short.
    """
    content = read_small(path, what="key", most=_LONGEST_KEY)
    if len(content) < _SHORTEST_KEY:
        raise ConfigurationError(
            f"{path}: a key of {len(content)} bytes can be guessed, expected {_SHORTEST_KEY} or more; make "
            "one with: openssl rand -hex 32"
        )
    return content


def _judged(report: ScanReport, root: str) -> list[ManifestEntry]:
    """Every file that a verdict is about; of several files that are one network each, with its verdict."""
    found: dict[str, tuple[set[Verdict], set[tuple[int | None, str | None]]]] = {}
    for path, results in report.paths.items():
        for file in report.bound.get(path, (BoundFile(path, results[0].size, results[0].sha256),)):
            verdicts, contents = found.setdefault(_relative(Path(file.path), root), (set(), set()))
            verdicts.update(result.verdict for result in results)
            contents.add((file.size, file.sha256))
    entries = []
    for name, (verdicts, contents) in found.items():
        # A file that was read twice and was not the same is bound to neither.
        size, sha256 = contents.pop() if len(contents) == 1 else (None, None)
        entries.append(ManifestEntry(name, worst(verdicts).value, size, sha256))
    return entries


def _skipped(path: Path, root: str, max_bytes: int) -> ManifestEntry:
    try:
        sha256, size = checksum(path, max_bytes=max_bytes)
    except CheckpointError:
        return ManifestEntry(_relative(path, root), SKIPPED, None, None)
    return ManifestEntry(_relative(path, root), SKIPPED, size, sha256)


def _relative(path: Path, root: str) -> str:
    return Path(os.path.relpath(os.path.abspath(path), os.path.abspath(root))).as_posix()


def _signature(data: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _check_signature(path: Path, data: Mapping[str, Any], signature: object, key: bytes) -> None:
    if signature is None:
        raise ConfigurationError(f"{path}: is not signed, but a key was given; nothing in it is believed")
    value = signature.get("value") if isinstance(signature, dict) else None
    if not isinstance(value, str) or not hmac.compare_digest(
        value.encode("utf-8", "replace"), _signature(data, key).encode()
    ):
        raise ConfigurationError(
            f"{path}: its signature is none of this key: the manifest was changed, or is somebody else's; "
            "nothing in it is believed"
        )


def _manifest(data: dict[str, Any]) -> Manifest:
    entries = tuple(_entry(one) for one in _list(data["entries"], "entries"))
    ((often, count),) = Counter(one.path for one in entries).most_common(1) or [("", 0)]
    if count > 1:
        raise ValueError(f"it names {often[:80]!r} more than once")
    texts = {name: data[name] for name in ("root", "time", "version")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str) or "\0" in value]
    if wrong or not isinstance(data["detector"], dict) or not isinstance(data["settings"], dict):
        raise TypeError(f"{wrong[0] if wrong else 'detector or settings'} is of the wrong type")
    return Manifest(
        folders=tuple(_inner(one) for one in _list(data["folders"], "folders")),
        entries=entries,
        detector=data["detector"],
        settings=data["settings"],
        **texts,
    )


def _entry(data: Any) -> ManifestEntry:
    path = _inner(data["path"])
    verdict, size, sha256 = data["verdict"], data["size"], data["sha256"]
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict about {path!r} is {str(verdict)[:40]!r}")
    if not (size is None or (type(size) is int and size >= 0)):
        raise ValueError(f"the size of {path!r} is {str(size)[:40]!r}")
    right = isinstance(sha256, str) and len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
    if not (sha256 is None or right) or (sha256 is not None and size is None):
        raise ValueError(f"the checksum of {path!r} is {str(sha256)[:80]!r}")
    return ManifestEntry(path, verdict, size, sha256)


def _inner(path: object) -> str:
    """A path that stays in the root, written in the one way there is."""
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError(f"{str(path)[:80]!r} is no path of a file")
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or pure.as_posix() != path
        or (os.sep != "/" and os.sep in path)
    ):
        raise ValueError(f"the path {path[:80]!r} is not one below the root")
    return path


def _list(data: object, name: str) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError(f"{name} is no list")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names an entry twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
