"""Whole populations to and from object storage, or whatever else fsspec knows by a URL."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, Final

from scalegmn.disk import new_folder, sentence_of
from scalegmn.errors import ConfigurationError, DiskError, PopulationError
from scalegmn.populations._format import INDEX
from scalegmn.populations._progress import progress_bar
from scalegmn.populations._store import Population
from scalegmn.printable import printable

_OF_DISKS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_CHAIN: Final = "::"
_MARK: Final = ".scalegmn.upload"
"""In the place of an upload that is not finished: the checksum of the index that is to come."""


def is_url(text: str) -> bool:
    """Whether this is a URL, such as ``s3://bucket/networks``, or a chain of several, and no path."""
    scheme = "[A-Za-z][A-Za-z0-9+.-]+"
    return re.match(f"({scheme}{_CHAIN})*{scheme}://", text) is not None


def shown_url(url: str) -> str:
    """A URL for messages, without a name, a password and the values of a query in it; a path as it is."""
    if not is_url(url):
        return printable(url)
    user, query = _secrets(url)
    scheme, _, rest = url.partition("://")
    rest = rest.removeprefix(f"{user}@").removesuffix(query) + ("..." if query else "")
    return printable(f"{scheme}://{rest}")


def _secrets(url: str) -> tuple[str, str]:
    """User and password of a URL, and the values of its query; empty where there are none."""
    rest, _, query = url.partition("://")[2].partition("?")
    # Passwords of object storage may hold a slash; after a port there is a path.
    found = re.match(r"([^/:@]*:(?!\d+/).*|[^/]*)@", rest)
    return (found[1] if found else ""), query


def upload_population(folder: str | Path, url: str, *, progress: bool = True) -> Population:
    """Write a population to object storage, all files of its folder.

    Everything is compared with the recorded checksums first.  The index comes last, so that nobody takes an
    upload that was interrupted for a population; the same call does it again, and one of other networks
    refuses to mix with what is there.

    Args:
        folder: of the population.
        url: where to, such as ``s3://bucket/networks``.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: nothing here knows such URLs.
        PopulationError: the population is damaged, or something else is there.
        DiskError: the storage refused.

    Example:
        >>> from scalegmn.populations import download_population, upload_population
        >>> upload_population("populations/inrs", "s3://bucket/inrs")  # doctest: +SKIP
        >>> download_population("s3://bucket/inrs", "populations/copy")  # doctest: +SKIP
    """
    population = Population.open(folder)
    population.verify()
    index = (population.folder / INDEX).read_bytes()
    # Hidden files are of commands at work, or of the system.
    files = sorted(
        path
        for path in population.folder.iterdir()
        if path.is_file() and path.name != INDEX and not path.name.startswith(".")
    )
    system, place = _storage(url)
    with _explained(url, "written"):
        there = _files_in(system, place)
        if INDEX in there:
            if system.cat_file(f"{place}/{INDEX}") == index:
                return population
            raise PopulationError(f"{shown_url(url)}: holds another population already; choose another place")
        mark = hashlib.sha256(index).hexdigest().encode()
        own = _MARK in there and system.cat_file(f"{place}/{_MARK}") == mark
        _check_place(url, there.keys() - {_MARK, *(path.name for path in files if own)})
        total = sum(path.stat().st_size for path in files)
        system.makedirs(place, exist_ok=True)
        system.pipe_file(f"{place}/{_MARK}", mark)
        with progress_bar("uploading bytes", total=total, show=progress) as advance:
            for path in files:
                system.put_file(str(path), f"{place}/{path.name}")
                advance(path.stat().st_size)
            system.put_file(str(population.folder / INDEX), f"{place}/{INDEX}")
        with contextlib.suppress(Exception):
            # Some places may be written to by whoever may not remove; beside an index it says nothing.
            system.rm_file(f"{place}/{_MARK}")
    return population


def _check_place(url: str, foreign: Set[str]) -> None:
    """Refuse a place with files of something else, which a download would take for those of the population.

    Raises:
        PopulationError: there are some.
    """
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise PopulationError(
            f"{shown_url(url)}: holds {printable(min(foreign))}{more}, of something else or of another copy "
            "that was interrupted; choose another place, or remove what is there"
        )


def _files_in(system: Any, place: str) -> dict[str, int]:
    """Names of the files in a place, and their sizes in bytes; none where there is no such place."""
    # Storage that is far away remembers what it held.
    system.invalidate_cache()
    try:
        entries = system.ls(place, detail=True)
    except FileNotFoundError:
        return {}
    return {
        entry["name"].rstrip("/").rpartition("/")[2]: int(entry["size"] or 0)
        for entry in entries
        if entry["type"] == "file"
    }


def download_population(url: str, folder: str | Path, *, progress: bool = True) -> Population:
    """Read a population from object storage into a folder, which is complete in the end or absent.

    Args:
        url: where from, such as ``s3://bucket/networks``.
        folder: new or empty.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: nothing here knows such URLs.
        PopulationError: there is no finished population, or it arrived damaged.
        DiskError: the storage or the disk refused.
    """
    system, place = _storage(url)
    with _explained(url, "read"):
        sizes = _files_in(system, place)
        if INDEX not in sizes:
            raise PopulationError(f"{shown_url(url)}: there is no population, or its upload is not finished")
    # No name leads out of the folder, whatever the storage calls its objects; hidden ones are not uploaded.
    names = sorted(name for name in sizes if name and name[0] != "." and not set(name) & set("/\\\0"))
    with new_folder(folder) as target:
        with progress_bar("downloading bytes", total=sum(sizes.values()), show=progress) as advance:
            for name in names:
                with _explained(url, "read", disk=Path(folder)):
                    system.get_file(f"{place}/{name}", str(target / name))
                advance(sizes[name])
        try:
            Population.open(target).verify()
        except PopulationError as error:
            # The folder is about to go.
            raise PopulationError(str(error).replace(str(target), shown_url(url))) from error
    return Population.open(folder)


def _storage(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the place in it."""
    try:
        import fsspec
    except ImportError as error:
        raise ConfigurationError(
            f"{shown_url(url)}: needs fsspec, which is not installed; pip install 'scalegmn[cluster]'"
        ) from error
    if not is_url(url):
        raise ConfigurationError(f"{printable(url)}: is no URL; give one such as s3://bucket/networks")
    if _CHAIN in url:
        raise ConfigurationError(
            f"{shown_url(url)}: is a chain of URLs, expected a single one such as s3://bucket/networks"
        )
    if not url.partition("://")[2].strip("/"):
        raise ConfigurationError(f"{printable(url)}: names no place; give one such as s3://bucket/networks")
    # Some services are asked as soon as they are named.
    with _explained(url, "reached"):
        try:
            system, place = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            # fsspec names the package that is missing.
            known = "s3:// (package s3fs), gs:// (gcsfs), file:// and others of fsspec"
            reason = _without_secrets(url, str(error))
            raise ConfigurationError(
                f"{shown_url(url)}: cannot be used, {reason}; expected {known}"
            ) from error
    return system, str(place).rstrip("/")


@contextlib.contextmanager
def _explained(url: str, action: str, *, disk: Path | None = None) -> Iterator[None]:
    """Around what the storage does; a disk that is full is one of this machine."""
    try:
        yield
    except OSError as error:
        if disk is not None and error.errno in _OF_DISKS:
            raise DiskError(sentence_of(error, path=disk, action="written")) from error
        said = sentence_of(error, path=shown_url(url), action=action)
        raise DiskError(_without_secrets(url, said)) from error
    except (PopulationError, DiskError, ConfigurationError):
        raise
    except Exception as error:
        # Every service has errors of its own.
        reason = _without_secrets(url, f"{type(error).__name__}: {error}")
        raise DiskError(f"{shown_url(url)}: cannot be {action}, {reason}") from error


def _without_secrets(url: str, text: str) -> str:
    """What a service says, which may quote the URL or parts of it."""
    user, query = _secrets(url)
    password = user.partition(":")[2]
    for secret, instead in ((url, shown_url(url)), (f"{user}@", ""), (password, "..."), (query, "...")):
        # An empty one stands everywhere.
        text = text.replace(secret, instead) if secret.strip("@") else text
    return text
