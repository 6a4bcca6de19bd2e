"""What commands ask of a format in which networks are published, whatever its files are."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population

if TYPE_CHECKING:
    from scalegmn.collections._canonicalize import CanonicalizeReport
    from scalegmn.collections._importing import ImportReport

F = TypeVar("F", bound="PublishedFormat")


class PublishedFormat(ABC):
    """A format in which networks are published: its name, its options, and what can be done with it.

    Formats are immutable values; subclasses are frozen dataclasses of their options, all with defaults.
    """

    title: ClassVar[str]
    """Its name, for messages and provenance."""

    options: ClassVar[tuple[str, ...]] = ()
    """Fields that users may set, such as ``splits``."""

    unit: ClassVar[str] = "files"
    """What is counted where something is refused or left out."""

    parallel: ClassVar[bool] = False
    """Whether several processes can read it."""

    writable: ClassVar[bool] = False
    """Whether populations can be written in it, see :meth:`write`."""

    canonicalizes: ClassVar[bool] = False
    """Whether :meth:`canonicalize` can copy it."""

    generates_splits: ClassVar[bool] = False
    """Whether it has a file of splits that :meth:`generate` can write."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name under which commands know the format."""

    @property
    def described(self) -> str:
        """The title, with what must be known to understand what was read."""
        return self.title

    def with_options(self: F, **given: Any) -> F:
        """The format with other options.

        Args:
            given: their values by name.

        Raises:
            ConfigurationError: it has no such option, or not such a value.
        """
        for option, value in given.items():
            if option not in self.options:
                raise ConfigurationError(
                    f"{option} is {str(value)!r}, but {self.title} have {lack(option)}; leave it out"
                )
        # Subclasses are dataclasses.
        return dataclasses.replace(self, **given)  # type: ignore[type-var]

    @abstractmethod
    def read_into(
        self,
        folder: str | Path,
        *,
        source: str | Path,
        workers: int | None = None,
        cluster: str | None = None,
        resume: bool = False,
        progress: bool = True,
    ) -> ImportReport:
        """Write the networks of a folder of this format as a population.

        Args:
            folder: of the new population.
            source: the folder that is read.
            workers: processes that read, where it is :attr:`parallel`.
            cluster: address of a Ray cluster that reads, where it is :attr:`parallel`.
            resume: continue an interrupted call with the same arguments on the same files.
            progress: show a progress bar on the standard error stream.

        Raises:
            PopulationError: there is nothing to read, or `folder` is in use.
        """

    def write(self, population: Population, folder: str | Path, *, progress: bool = True) -> tuple[str, ...]:
        """Write a population in this format.

        Args:
            population: its networks are of the kind that the format holds.
            folder: a new or empty folder.
            progress: show a progress bar on the standard error stream.

        Returns:
            What was written, in sentences.

        Raises:
            ConfigurationError: it is not :attr:`writable`.
            PopulationError: the folder is in use, or the networks do not fit the format.
        """
        raise ConfigurationError(f"{self.name} can be read and not written; choose another format")

    def canonicalize(
        self,
        source: str | Path,
        folder: str | Path,
        *,
        workers: int | None = None,
        progress: bool = True,
    ) -> CanonicalizeReport:
        """Write a copy of a folder of this format, with the phases of its sine networks in one range.

        Raises:
            ConfigurationError: it does not :attr:`canonicalizes`.
            PopulationError: there is no network to read, or `folder` is in use.
        """
        raise ConfigurationError(
            f"folders of {self.name} cannot be canonicalized; import them and canonicalize the population"
        )

    def generate(self, folder: str | Path, *, seed: int, validation: int) -> Path:
        """Write the file of splits of a folder.

        Args:
            folder: of this format.
            seed: of the choice.
            validation: how many training networks are for validation.

        Returns:
            The path of the file.

        Raises:
            ConfigurationError: it does not :attr:`generates_splits`.
            PopulationError: there is one, or there are not enough networks.
        """
        has = "a splits file that is published with it" if "splits" in self.options else lack("splits")
        raise ConfigurationError(
            f"a splits file cannot be generated, because {self.name} has {has}; leave the option out"
        )


_LACKS = {"splits": "no splits file", "augmented": "no augmented copies"}


def lack(option: str) -> str:
    """What a format does not have that does not have an option."""
    return _LACKS.get(option, "no such option")
