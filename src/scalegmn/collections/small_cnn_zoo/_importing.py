"""From the files of a Small CNN Zoo to a packed population."""

from __future__ import annotations

from pathlib import Path

from scalegmn.collections import ImportReport, RefusedFile, format_refusals
from scalegmn.collections.small_cnn_zoo._collection import SmallCnnZoo
from scalegmn.collections.small_cnn_zoo._folder import ZooFolder
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.populations import PopulationWriter, progress_bar


def import_zoo(
    zoo: SmallCnnZoo,
    source: str | Path,
    folder: str | Path,
    *,
    shard_size: int = 5000,
    resume: bool = False,
    progress: bool = True,
) -> ImportReport:
    """Read networks of a zoo and write them as a population.

    Networks with relu and with tanh have different architectures; within a shard those with relu come
    first, otherwise the order is that of the file.  Rows that cannot be used are refused and the others are
    read; the population's notes say which and why.

    Args:
        zoo: which networks to read, and how.
        source: folder of the zoo.
        folder: of the new population.
        shard_size: networks that are read and written, and held in memory, at a time.
        resume: continue an interrupted call with the same arguments on the same files.
        progress: show a progress bar on the standard error stream.

    Raises:
        ConfigurationError: `shard_size` is not positive.
        PopulationError: the files are missing or damaged, or disagree; all rows were refused; or `folder` is
            in use or was made from something else.
    """
    if shard_size < 1:
        raise ConfigurationError(f"shard_size is {shard_size}, expected 1 or more")
    files = zoo.open(source)
    provenance = {"maker": "import_zoo", **files.provenance, "shard_size": shard_size}
    with PopulationWriter(folder, provenance=provenance, resume=resume) as writer:
        done = min(writer.shards_done * shard_size, len(files))
        with progress_bar("reading networks", total=len(files), done=done, show=progress) as advance:
            for start in range(done, len(files), shard_size):
                stop = min(start + shard_size, len(files))
                _import_shard(files, writer, start, stop)
                advance(stop - start)
        refused = [RefusedFile(*entry) for notes in writer.notes for entry in notes["refused"]]  # type: ignore[index]
        if not len(writer):
            raise PopulationError(
                f"{source}: all {len(files)} networks were refused; " + "; ".join(format_refusals(refused))
            )
        writer.finish()
        return ImportReport(writer.folder, len(writer), tuple(refused), files.left_out, files.remarks)


def _import_shard(files: ZooFolder, writer: PopulationWriter, start: int, stop: int) -> None:
    # A function of its own, so that the parameters of one shard are gone when the next is read.
    groups, refused = files.read(start, stop)
    notes = {
        "refused": [[refusal.name, refusal.reason] for refusal in refused],
        "remarks": list(files.remarks) if start == 0 else [],
    }
    writer.append_groups(groups, notes=notes)
