"""Options of several kinds beside each other, each under the name of its section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, final

from scalegmn.configuration._base import Configuration, InvalidConfigurationError
from scalegmn.configuration._formatting import format_value
from scalegmn.configuration._plain import register_plain_form

C = TypeVar("C", bound=Configuration)


@final
class Sections(Mapping[str, Configuration]):
    """Configurations by the names of their sections; :meth:`of` finds one by its class.

    Whoever has options of his own declares the names and classes of their sections, and takes them out by
    class, so that code in between hands all of them on without knowing any.

    Args:
        entries: by name.
    """

    def __init__(self, entries: Mapping[str, Configuration] | None = None) -> None:
        self._entries = dict(entries or {})

    def __getitem__(self, name: str) -> Configuration:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Sections({self._entries!r})"

    def of(self, kind: type[C]) -> C:
        """The options of this class.

        Raises:
            ConfigurationError: there are none.
        """
        for section in self._entries.values():
            if isinstance(section, kind):
                return section
        held = ", ".join(f"{name} ({type(entry).__name__})" for name, entry in self.items()) or "none"
        raise InvalidConfigurationError(
            "options",
            problems=[f"there are no {kind.__name__} among the sections {held}; give them by their section"],
        )

    def completed(self, kinds: Mapping[str, type[Configuration]]) -> Sections:
        """Return the sections, with defaults for those of these kinds that are missing.

        Raises:
            ConfigurationError: a section is of another kind.
        """
        found: dict[str, Configuration] = dict(self._entries)
        for name, kind in kinds.items():
            own = found.setdefault(name, kind())
            if not isinstance(own, kind):
                raise InvalidConfigurationError(
                    "options",
                    problems=[f"{name} is {format_value(own)}, expected {kind.__name__} for this section"],
                )
        return Sections(found)


def _read(kind: type, data: Mapping[str, Any]) -> Sections:
    if not all(isinstance(part, Configuration) for part in data.values()):
        raise InvalidConfigurationError(
            "options", problems=[f"are {format_value(data)}, expected configurations by section"]
        )
    return Sections(data)


register_plain_form(
    Sections, write=lambda value: {name: part.to_plain() for name, part in value.items()}, read=_read
)
