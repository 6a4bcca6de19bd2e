"""From a packed population to a published format, for programs that read those."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scalegmn.collections._collection import Collection, LoadedNetworks
from scalegmn.disk import new_folder
from scalegmn.errors import PopulationError
from scalegmn.populations import Population, progress_bar


def export_population(
    population: Population, collection: Collection, folder: str | Path, *, progress: bool = True
) -> int:
    """Write all networks of a population as files of a published format, and what accompanies them.

    The networks must be of the kind that the format holds, whatever the names of their layers, and have
    the columns `label`, `image` and `split`.

    Args:
        population: to be written.
        collection: the format.
        folder: a new or empty folder.
        progress: show a progress bar on the standard error stream.

    Returns:
        The number of files.

    Raises:
        PopulationError: the folder is in use, the networks do not fit the format, or two of them would
            have the same place in it.
    """
    folder = Path(folder)
    with new_folder(folder) as place:
        return _export(population, collection, place, folder=folder, progress=progress)


def _export(
    population: Population, collection: Collection, place: Path, *, folder: Path, progress: bool
) -> int:
    """Write into `place` what will lie in `folder`."""
    columns = {name: population.column(name) for name in population.columns}
    missing = [name for name in ("label", "image", "split") if name not in columns]
    if missing:
        raise PopulationError(
            f"{population.folder}: has no columns {missing}, which {collection.title} need; "
            f"there are {list(columns)}"
        )
    architecture = population.architecture
    files = 0
    with progress_bar("writing networks", total=len(population), show=progress) as advance:
        for split in sorted(set(columns["split"].tolist())):
            mine = np.flatnonzero(columns["split"] == split)
            for start in range(0, len(mine), collection.networks_per_file):
                chosen = mine[start : start + collection.networks_per_file]
                rows = {name: values[chosen] for name, values in columns.items()}
                networks = LoadedNetworks(architecture, population.theta(chosen), rows)
                path = place / collection.file_name(networks.row(0))
                if path.exists():
                    raise PopulationError(
                        f"{folder / path.name}: network {chosen[0]} of {population.folder} has the place of "
                        "an earlier one"
                    )
                collection.save(path, networks)
                files += 1
                advance(len(chosen))
    collection.complete(place, columns)
    return files
