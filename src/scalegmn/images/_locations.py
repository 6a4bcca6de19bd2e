"""Where data lies: an option or an environment variable says so, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from scalegmn.errors import ImageSourceError

DATA_VARIABLE: Final = "SCALEGMN_DATA"


def data_path(path: str, folder: str | Path | None) -> Path:
    """The place of a file or folder of data.

    Args:
        path: relative to the data folder, or absolute.
        folder: the data folder; None takes it from the environment variable.

    Raises:
        ImageSourceError: no data folder is stated, it does not exist, or it does not hold `path`.
    """
    if Path(path).is_absolute():
        root, stated = Path(path).parent, "the source"
    else:
        root, stated = data_folder(folder)
    if not root.is_dir():
        raise ImageSourceError(
            f"the folder {str(root)!r} that {stated} names does not exist; correct the option `folder` or "
            f"the environment variable {DATA_VARIABLE}"
        )
    place = root / path
    if not place.exists():
        held = sorted(entry.name for entry in root.iterdir())
        listing = ", ".join(held[:10]) + (", ..." if len(held) > 10 else "") if held else "nothing"
        raise ImageSourceError(
            f"no {path!r} in {str(root)!r}, which {stated} names and which holds {listing}; put the data "
            f"there, or correct the option `folder` or the environment variable {DATA_VARIABLE}"
        )
    return place


def data_folder(folder: str | Path | None) -> tuple[Path, str]:
    """The data folder, and what named it."""
    if folder is not None:
        return Path(folder), "the option `folder`"
    value = os.environ.get(DATA_VARIABLE)
    if not value:
        raise ImageSourceError(
            f"no data folder is stated; set the environment variable {DATA_VARIABLE} to the folder that "
            "holds the images, or give the folder (--folder)"
        )
    return Path(value), f"the environment variable {DATA_VARIABLE}"
