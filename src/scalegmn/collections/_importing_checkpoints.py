"""From a folder of checkpoint files and a table of what is known about them to a packed population."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import torch

from scalegmn.collections._checkpoint_readers import (
    NetworkReader,
    ReadFiles,
    TableNetwork,
    checkpoint_readers,
)
from scalegmn.collections._collection import CollectionFile, RefusedFile, existing_folder
from scalegmn.collections._importing import ImportReport, format_refusals
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import (
    ArchitectureGroup,
    LabelTable,
    PopulationWriter,
    has_trace_of_path,
    progress_bar,
)

# Names under which networks are kept, whether or not such files can be read.
_SUFFIXES: Final = (
    *(".safetensors", ".npz", ".pt", ".pth", ".bin", ".ckpt", ".tar", ".th", ".pkl", ".h5", ".onnx"),
    *(".model", ".weights"),
)

# Notes on how files were read that are told apart in the report.
_NOTES: Final = 8


def import_checkpoints(
    source: str | Path,
    folder: str | Path,
    *,
    table: LabelTable,
    reader: NetworkReader | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    shard_size: int = 10_000,
    resume: bool = False,
    progress: bool = True,
) -> ImportReport:
    """Read the files that a table names, and write them as a population in the order of the table.

    What :func:`~scalegmn.collections.write_checkpoints` wrote comes back as it was:
    networks, order, columns and their types.  A file that cannot be used is refused and the others are read.
    Rows without a file, several rows of one file, and files without a row are refused by name as well.

    Args:
        source: the folder.
        folder: of the new population.
        table: what is known about the files.
        reader: how files are read.
        workers: confined processes that read; by default one a core.
        cluster: address of a Ray cluster that reads (:func:`~scalegmn.workers.open_executor`), whose machines
            see the folder.
        shard_size: networks that are written at a time.
        resume: continue an interrupted call with the same arguments on the same files.
        progress: show a progress bar on the standard error stream.

    Raises:
        PopulationError: there is no network to read, or `folder` is in use or was made from something else;
            where nothing could be read, nothing is written.
    """
    if shard_size < 1:
        raise ConfigurationError(f"shard_size is {shard_size}, expected 1 or more")
    source, folder, reader = Path(source), Path(folder), reader or NetworkReader()
    entries, not_read, others = _entries(existing_folder(source, "checkpoint files"), table)
    if not entries:
        reasons = format_refusals(not_read) or ["the table has no rows"]
        raise PopulationError(f"{source}: no networks to read; " + "; ".join(reasons))
    provenance = {
        "maker": "import_checkpoints",
        "source": source.name,
        "table": table.path.name,
        "table_sha256": table.sha256,
        "files": len(entries),
        "listing_sha256": _checksum(entries, not_read),
        "architectures": [architecture.fingerprint for architecture in reader.architectures],
        "activation": reader.activation,
        "key": reader.key,
        "shard_size": shard_size,
    }
    new = not folder.exists()
    with PopulationWriter(folder, provenance=provenance, resume=resume) as writer:
        readers = checkpoint_readers(reader, source=source, workers=workers, cluster=cluster)
        _read_shards(writer, entries, not_read, table, readers, shard_size, progress)
        refused = [RefusedFile(*entry) for notes in writer.notes for entry in notes["refused"]]  # type: ignore[index]
        if len(writer):
            writer.finish()
            remarks = (*table.remarks, *_remarks(writer.notes))
            left_out = {"no networks by their names": others} if others else {}
            return ImportReport(writer.folder, len(writer), tuple(refused), left_out, remarks)
    if new:
        shutil.rmtree(folder)
    raise PopulationError(f"{source}: all files were refused; " + "; ".join(format_refusals(refused)))


def _read_shards(
    writer: PopulationWriter,
    entries: Sequence[CollectionFile],
    not_read: Sequence[RefusedFile],
    table: LabelTable,
    readers: AbstractContextManager[ReadFiles],
    size: int,
    show: bool,
) -> None:
    done = min(writer.shards_done * size, len(entries))
    bar = progress_bar("reading files", total=len(entries), done=done, show=show)
    with bar as advance, readers as read:
        for start in range(done, len(entries), size):
            refused = list(not_read) if start == 0 else []
            networks: list[TableNetwork] = []
            for found in read(entries[start : start + size]):
                if isinstance(found, RefusedFile):
                    refused.append(found)
                else:
                    networks.append(found)
                advance(1)
            counts = Counter(note for network in networks for note in network.notes)
            notes = {"refused": [[one.name, one.reason] for one in refused], "counts": dict(counts)}
            writer.append_groups(_groups(networks, table), notes=notes)


def _groups(networks: Sequence[TableNetwork], table: LabelTable) -> Iterator[ArchitectureGroup]:
    """Neighbors of one architecture together, so that the order stays that of the table."""
    for architecture, run in itertools.groupby(networks, key=lambda network: network.architecture):
        members = list(run)
        rows = table.columns.take([member.row for member in members])
        columns = {name: rows[name] for name in rows.column_names}
        yield ArchitectureGroup(architecture, torch.stack([member.theta for member in members]), columns)


def _entries(source: Path, table: LabelTable) -> tuple[list[CollectionFile], list[RefusedFile], int]:
    """The files to read, in the order of the table; what will not be read; how many other files there are."""
    rows: dict[str, list[int]] = {}
    refused = []
    for row, name in enumerate(table.files):
        where = f"row {row + 1} of {table.path.name}"
        if not name:
            refused.append(RefusedFile(where, "names no file"))
        elif has_trace_of_path(name):
            refused.append(RefusedFile(name, f"{where} names a file that is not below {source.name}"))
        else:
            rows.setdefault(Path(name).as_posix(), []).append(row)
    entries = []
    for name, mine in rows.items():
        where = f"row {mine[0] + 1} of {table.path.name}"
        if len(mine) > 1:
            listed = ", ".join(str(row + 1) for row in mine[:5])
            refused.append(RefusedFile(name, f"rows {listed} of {table.path.name} name it; keep one of them"))
        elif (problem := _problem_with(source, name)) is not None:
            refused.append(RefusedFile(name, f"{where} names it, but it {problem}"))
        else:
            entries.append(CollectionFile(source / name, name, {"row": mine[0]}))
    unnamed, others = _unnamed(source, rows, table)
    return entries, [*refused, *unnamed], others


def _problem_with(source: Path, name: str) -> str | None:
    path = source / name
    try:
        if not path.is_file():
            return "is a folder" if path.is_dir() else "is not there"
        inside = path.resolve().is_relative_to(source.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        return f"cannot be looked at ({type(error).__name__})"
    return None if inside else f"is a link that leads out of {source.name}"


def _unnamed(source: Path, rows: Mapping[str, object], table: LabelTable) -> tuple[list[RefusedFile], int]:
    """Files that seem to hold networks and have no row, and how many others there are."""
    found, others = [], 0
    tables = {table.path.with_suffix(suffix).name for suffix in (table.path.suffix, ".csv", ".parquet")}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if name in rows or name in tables or any(part.startswith(".") for part in name.split("/")):
            continue
        if path.is_file() and path.suffix.lower() in _SUFFIXES:
            found.append(RefusedFile(name, f"no row of {table.path.name} names it"))
        elif path.is_file():
            others += 1
    return found, others


def _checksum(entries: Sequence[CollectionFile], refused: Sequence[RefusedFile]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.name}\0{entry.columns['row']}\0{entry.path.stat().st_size}\n".encode())
    for refusal in refused:
        digest.update(f"{refusal.name}\0{refusal.reason}\n".encode())
    return digest.hexdigest()


def _remarks(notes: Sequence[object]) -> list[str]:
    """How files were read, with how many were."""
    counts: Counter[str] = Counter()
    for shard in notes:
        counts.update(shard["counts"])  # type: ignore[index]
    lines = [f"{count} files: {note}" for note, count in counts.most_common(_NOTES)]
    return lines if len(counts) <= _NOTES else [*lines, f"and {len(counts) - _NOTES} other notes"]
