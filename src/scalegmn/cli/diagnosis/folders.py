"""Folders that the library reads and writes, and the models that come with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from scalegmn.cli.diagnosis.findings import Finding, Health
from scalegmn.errors import ScaleGMNError
from scalegmn.images import DATA_VARIABLE
from scalegmn.shipped import shipped_models
from scalegmn.trojans.scanning import check_private, state_place


def folders() -> list[Finding]:
    """Where images lie, where state is kept, and where temporary files go."""
    return [_data(), _state(), _temporary()]


def models() -> list[Finding]:
    """Whether the models that come with the library are what was packed."""
    found = []
    for model in shipped_models():
        try:
            model.verify()
        except ScaleGMNError as error:
            found.append(Finding(model.name, Health.wrong, str(error)))
        else:
            found.append(Finding(model.name, Health.ok, f"{model.size / 1e6:.1f} MB, as it was packed"))
    return found


def _data() -> Finding:
    given = os.environ.get(DATA_VARIABLE, "")
    if not given:
        told = "not set; commands that read images of others then need --folder"
        return Finding(DATA_VARIABLE, Health.absent, told)
    if not os.path.isdir(given):
        told = f"{given} is no folder; correct the environment variable, or unset it"
        return Finding(DATA_VARIABLE, Health.wrong, told)
    if not os.access(given, os.R_OK | os.X_OK):
        return Finding(DATA_VARIABLE, Health.wrong, f"{given} cannot be read; change its permissions")
    return Finding(DATA_VARIABLE, Health.ok, given)


def _state() -> Finding:
    """Nothing is made here: where the folder is not there, its nearest parent must let it be made."""
    name = "state of scans"
    try:
        place = state_place()
        if place.exists():
            check_private(place, folder=True)
    except (ScaleGMNError, OSError) as error:
        return Finding(name, Health.wrong, str(error))
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        told = f"{place}: {nearest} cannot be written; set XDG_STATE_HOME to a folder of yours"
        return Finding(name, Health.wrong, told)
    return Finding(name, Health.ok, f"{place} can be written")


def _temporary() -> Finding:
    name = "temporary files"
    try:
        with tempfile.TemporaryFile(prefix="scalegmn-doctor-"):
            place = Path(tempfile.gettempdir())
        free = shutil.disk_usage(place).free
    except OSError as error:
        told = f"cannot be written ({error.strerror}); set TMPDIR to a folder with space"
        return Finding(name, Health.wrong, told)
    return Finding(name, Health.ok, f"{place} can be written, {free / 2**30:.0f} GiB are free")
