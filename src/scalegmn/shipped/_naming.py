"""Names of models that come with the library, where a folder could stand as well."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from scalegmn.configuration import nearest
from scalegmn.errors import ConfigurationError
from scalegmn.shipped._shelf import OWNER, Shelf, ShippedModel

FOLDER: Final = Path(str(resources.files("scalegmn.shipped"))) / "models"
"""Where they lie in the package."""

# The folder of a run with the weights of its model.
_MODEL: Final = "model"


def shipped_models() -> tuple[ShippedModel, ...]:
    """All models that come with the library, by name.

    Raises:
        ConfigurationError: they are those of another version.
        CheckpointError: their index is damaged.
    """
    models = Shelf.open(FOLDER).models
    return tuple(models[name] for name in sorted(models))


def shipped_model(name: str) -> ShippedModel:
    """The model of a name.

    Raises:
        ConfigurationError: no model of this name ships; the message says which do.
        CheckpointError: the index is damaged.

    Example:
        >>> from scalegmn.shipped import shipped_model, shipped_models
        >>> [shipped_model(model.name) == model for model in shipped_models()].count(False)
        0
    """
    models = Shelf.open(FOLDER).models
    if name not in models:
        raise ConfigurationError(f"{name}: {_unknown(name, tuple(models))}")
    return models[name]


def located(place: str | Path) -> Path:
    """The folder that is meant by a path, or by the name of a model that comes with the library.

    Names come first, so that a folder that somebody put beside one's own files takes no model's place; such a
    folder is reached by its absolute path.  Nothing is fetched.

    Raises:
        ConfigurationError: there is no such folder, and no model of this name.
        CheckpointError: a file of the model is missing or was changed.
    """
    path = Path(place)
    if path.is_absolute() or len(path.parts) != 2 or path.parts[0] != OWNER:
        return path
    name = path.as_posix()
    models = Shelf.open(FOLDER).models
    if name in models:
        return models[name].verify()
    if path.exists():
        return path
    raise ConfigurationError(f"{name}: there is no such folder, and {_unknown(name, tuple(models))}")


def located_model(place: str | Path) -> Path:
    """The folder with the weights that is meant by its path, or by the name of a model that comes with the
    library; raises as :func:`located` does.
    """
    folder = located(place)
    return folder / _MODEL if is_shipped(folder) and folder != Path(place) else folder


def is_shipped(folder: Path) -> bool:
    """Whether a folder is that of a model that comes with the library, where nothing is to be written."""
    return folder.resolve().is_relative_to(FOLDER.resolve())


def folder_name(folder: Path) -> str:
    """What a run folder is called: its last part, or the name of the model that comes with the library."""
    name = folder.resolve().name
    return f"{OWNER}/{name}" if folder.resolve().parent == FOLDER.resolve() else name


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return "no models ship with this version of scalegmn; train one, or give its run folder"
    near = nearest(name.removeprefix(f"{OWNER}/"), [one.removeprefix(f"{OWNER}/") for one in known])
    hint = f"did you mean {OWNER}/{near}?" if near else f"there are {', '.join(sorted(known))}"
    return f"no model of this name ships with scalegmn; {hint}"
