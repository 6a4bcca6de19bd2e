"""A folder of trained models with an index that has the checksum of every file.

============== =================================================================================
 index.json     format, and for each model a sentence, its task and its files
 NAME/          one run folder for each, without what only a training needs; or what a method reads
 NAME/README.md its model card
============== =================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from scalegmn.configuration import format_value, read_json_file
from scalegmn.disk import file_sha256, replace_file
from scalegmn.errors import CheckpointError, ConfigurationError

FORMAT: Final = 1
INDEX: Final = "index.json"
CARD: Final = "README.md"
OWNER: Final = "scalegmn"
"""First part of the names of all models that come with the library."""

_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_REMEDY: Final = "install scalegmn again"


@final
@dataclass(frozen=True)
class ShippedFile:
    """A file as it was when the model was packed.

    Attributes:
        size: in bytes.
        sha256: of its bytes.
    """

    size: int
    sha256: str


@final
@dataclass(frozen=True)
class ShippedModel:
    """A trained model that comes with the library.

    Attributes:
        name: such as ``scalegmn/trojan-detector``.
        folder: its run folder.
        summary: what it does, one sentence.
        task: that it was trained for.
        files: by their paths in the folder, with slashes.

    Example:
        >>> from scalegmn.shipped import shipped_models
        >>> all(model.name.startswith("scalegmn/") for model in shipped_models())
        True
    """

    name: str
    folder: Path
    summary: str
    task: str
    files: Mapping[str, ShippedFile]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files.values())

    def verify(self) -> Path:
        """The run folder, after every file was found to be what was packed.

        Raises:
            CheckpointError: a file is missing or was changed.
        """
        for name, file in self.files.items():
            path = self.folder / name
            if not path.is_file():
                raise CheckpointError(f"{self.name}: its file {path} is missing; {_REMEDY}")
            found = path.stat().st_size
            if found != file.size:
                raise CheckpointError(
                    f"{self.name}: its file {path} has {found} bytes, expected {file.size}; {_REMEDY}"
                )
            checksum = file_sha256(path)
            if checksum != file.sha256:
                raise CheckpointError(
                    f"{self.name}: its file {path} has the checksum {checksum}, expected {file.sha256}; "
                    f"{_REMEDY}"
                )
        return self.folder

    def card(self) -> str:
        """The model card, Markdown: what it was trained on, its figures and its limits.

        Raises:
            CheckpointError: a file is missing or was changed.
        """
        return (self.verify() / CARD).read_text(encoding="utf-8")


@final
@dataclass(frozen=True)
class Shelf:
    """All models of a folder.

    Attributes:
        folder: that holds them.
        models: by their names.
    """

    folder: Path
    models: Mapping[str, ShippedModel]

    @classmethod
    def open(cls, folder: Path) -> Shelf:
        """Read the index of a folder; one without an index holds no models.

        Raises:
            ConfigurationError: the index is of another format.
            CheckpointError: it is damaged.
        """
        path = folder / INDEX
        if not path.is_file():
            return cls(folder, {})
        try:
            data = read_json_file(path)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{path}: no index of models can be read here: {error}; {_REMEDY}"
            ) from error
        found = data.get("format") if isinstance(data, dict) else None
        if type(found) is int and found != FORMAT:
            raise ConfigurationError(
                f"{path}: has format {found}, expected {FORMAT}: the models are of another version of "
                f"scalegmn; {_REMEDY}"
            )
        try:
            return cls(folder, {name: _model(folder, name, own) for name, own in data["models"].items()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: damaged, {error!r}; {_REMEDY}") from error

    def write(self) -> None:
        """Write the index."""
        models = {
            model.name: {
                "summary": model.summary,
                "task": model.task,
                "files": {
                    name: {"bytes": file.size, "sha256": file.sha256}
                    for name, file in sorted(model.files.items())
                },
            }
            for model in sorted(self.models.values(), key=lambda model: model.name)
        }
        text = json.dumps({"format": FORMAT, "models": models}, indent=2, allow_nan=False)
        replace_file(self.folder / INDEX, f"{text}\n".encode())

    def with_model(self, name: str, *, summary: str, task: str) -> Shelf:
        """Return a shelf with this model added or replaced, listing all files in its folder.

        Raises:
            ConfigurationError: the name is none for a model.
        """
        folder = self.folder / own_part(name)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {
            path.relative_to(folder).as_posix(): ShippedFile(path.stat().st_size, file_sha256(path))
            for path in paths
        }
        model = ShippedModel(name, folder, summary, task, files)
        return Shelf(self.folder, {**self.models, name: model})


def own_part(name: str) -> str:
    """The second part of the name of a model that ships, which is also that of its folder.

    Raises:
        ConfigurationError: it is no such name.
    """
    owner, _, own = name.partition("/")
    if owner != OWNER or not _NAME.fullmatch(own):
        raise ConfigurationError(
            f"{format_value(name)} is no name of a model that ships; expected {OWNER}/ and words of small "
            f"letters and digits with hyphens between them, such as {OWNER}/trojan-detector"
        )
    return own


def _model(folder: Path, name: str, data: Mapping[str, Any]) -> ShippedModel:
    files = {path: _file(path, own) for path, own in data["files"].items()}
    if CARD not in files:
        raise ValueError(f"{name} has no {CARD}")
    summary, task = data["summary"], data["task"]
    if not isinstance(summary, str) or not isinstance(task, str):
        raise TypeError(f"{name} has no summary, or no task")
    return ShippedModel(name, folder / own_part(name), summary, task, files)


def _file(path: str, data: Mapping[str, Any]) -> ShippedFile:
    size, sha256 = data["bytes"], data["sha256"]
    if type(size) is not int or size < 0 or not _SHA256.fullmatch(sha256):
        raise ValueError(f"{path[:80]!r} has no size and checksum")
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        raise ValueError(f"{path[:80]!r} is no path in the folder of a model")
    return ShippedFile(size, sha256)
