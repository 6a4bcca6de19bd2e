"""Objects that are written as the arguments of their constructor, and built again from these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from scalegmn.configuration._base import InvalidConfigurationError, check_arguments
from scalegmn.configuration._earlier_names import with_current_names
from scalegmn.configuration._plain import register_plain_form, to_plain

R = TypeVar("R", bound="Reconstructible")


class Reconstructible(ABC):
    """Base of models and tasks that a file describes.

    Their constructors take keywords with annotations, by which the entries of a file are checked; what a file
    cannot name cannot be built.
    """

    renamed: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Arguments whose entry in files has another name."""

    @abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """What the constructor needs to make the same again, by name."""

    def to_config(self) -> dict[str, Any]:
        """Everything that the constructor needs, as plain data."""
        return {self.renamed.get(name, name): to_plain(value) for name, value in self.arguments().items()}

    @classmethod
    def from_config(cls: type[R], data: Mapping[str, Any]) -> R:
        """The inverse of :meth:`to_config`.

        Raises:
            ConfigurationError: names every entry that is missing, unknown or wrong.
        """
        if not isinstance(data, Mapping):
            raise InvalidConfigurationError(cls.__name__, problems=["has no entries by name"])
        names = {entry: argument for argument, entry in cls.renamed.items()}
        entries = {names.get(name, name): value for name, value in with_current_names(cls, data).items()}
        return cls(**check_arguments(cls.__init__, entries, origin=cls.__name__))


def _rebuilt(kind: type, data: Mapping[str, Any]) -> Reconstructible:
    assert issubclass(kind, Reconstructible)
    return kind.from_config(data)


register_plain_form(Reconstructible, write=lambda value: value.to_config(), read=_rebuilt)
