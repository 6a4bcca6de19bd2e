"""Configurations that ship with the library, by name: ``inr_classification/mnist``."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from scalegmn.configuration import nearest
from scalegmn.errors import ConfigurationError

FOLDER: Final = Path(__file__).parents[1] / "configs"
_SUFFIX: Final = ".yaml"


@final
@dataclass(frozen=True)
class ConfigurationFile:
    """A file with a configuration.

    Attributes:
        path: where it lies.
        shipped: whether it came with the library; its paths are those of the current folder then.
    """

    path: Path
    shipped: bool

    @property
    def beside(self) -> Path | None:
        """The folder in which paths of the file are looked up first."""
        return None if self.shipped else self.path.parent


def shipped_names() -> tuple[str, ...]:
    """The names of all configurations that came with the library."""
    files = sorted(FOLDER.rglob(f"*{_SUFFIX}"))
    return tuple(file.relative_to(FOLDER).with_suffix("").as_posix() for file in files)


def is_comparison(name: str) -> bool:
    """Whether a shipped configuration is one of a comparison, not of a single training."""
    return name.rpartition("/")[2].startswith("compare")


def describe_configuration(name: str) -> str:
    """What a shipped configuration is for: the first sentence of its remarks, behind its command."""
    lines = (FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8").splitlines()
    remarks = itertools.takewhile(lambda line: line.startswith("#"), lines[1:])
    return " ".join(line.removeprefix("#").strip() for line in remarks).partition(". ")[0].rstrip(".")


def text_of(name: str) -> str:
    """A shipped configuration as it is written, for a file of one's own.

    Raises:
        ConfigurationError: there is none of this name.
    """
    if name.removesuffix(_SUFFIX) not in shipped_names():
        raise ConfigurationError(f"{name}: {_unknown(name)}")
    return (FOLDER / f"{name.removesuffix(_SUFFIX)}{_SUFFIX}").read_text(encoding="utf-8")


def find_configuration(given: str, *, folder: Path | None = None) -> ConfigurationFile:
    """The file that is meant by a path, or by the name of a shipped configuration.  A file comes first.

    Args:
        given: path or name.
        folder: where a relative path is looked up before the current folder.

    Raises:
        ConfigurationError: there is neither; the message names the nearest.
    """
    for path in ([folder / given] if folder is not None else []) + [Path(given)]:
        if path.exists():
            return ConfigurationFile(path, shipped=path.resolve().is_relative_to(FOLDER.resolve()))
    name = given.removesuffix(_SUFFIX)
    if name in shipped_names():
        return ConfigurationFile(FOLDER / f"{name}{_SUFFIX}", shipped=True)
    raise ConfigurationError(
        f"--config {given}: cannot be read: there is no such file, and {_unknown(given)}"
    )


def _unknown(given: str) -> str:
    name = given.removesuffix(_SUFFIX).removeprefix("configs/")
    near = nearest(name, shipped_names())
    hint = f"did you mean {near}?" if near else "`scalegmn configs` lists them"
    return f"no configuration of this name ships with scalegmn; {hint}"
