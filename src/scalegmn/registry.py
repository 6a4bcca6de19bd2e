"""Open lists: things by name, to which installed packages add their own.

A list of this library names what it holds, and loads a thing when somebody asks for it.  A package adds to
the lists by an entry point of the group ``scalegmn.extensions``, which names a function without arguments::

    [project.entry-points."scalegmn.extensions"]
    my_package = "my_package:register"

Names in files (configurations, saved models, run folders) are looked up here and nowhere else: what is
imported was installed, or named on the command line, by the user, and never by a file.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar, cast, final

from scalegmn.configuration import Constraint, format_value, nearest
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.printable import printable

T = TypeVar("T")

GROUP: Final = "scalegmn.extensions"
"""The group of entry points by which packages add to the lists."""


class ExtensionWarning(UserWarning):
    """An installed extension could not be loaded; what it would have added is not known."""


@final
@dataclass(frozen=True)
class Lazy:
    """Where something is that is loaded when it is asked for.

    Attributes:
        place: ``package.module:name``.  Written in source code, never read from a file.
    """

    place: str

    @property
    def name(self) -> str:
        """What it is called in its module."""
        return self.place.partition(":")[2]

    def load(self) -> object:
        """Import the module, and take what the name stands for."""
        return getattr(importlib.import_module(self.place.partition(":")[0]), self.name)


@final
class Extensions:
    """The installed packages that add to the lists; each is loaded at most once.

    Args:
        find: gives their entry points; by default those of all installed packages.
    """

    def __init__(self, find: Callable[[], list[EntryPoint]] | None = None) -> None:
        self._find = find or _installed
        self._loaded = False
        # Of one thread, which may come back here from an extension.
        self._lock = threading.RLock()
        self._failures: list[str] = []

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be loaded, one sentence each."""
        return tuple(self._failures)

    def load(self) -> None:
        """Let all installed extensions register what they have, unless that was done before.

        One that fails is a warning (:class:`ExtensionWarning`), so that the others can be used.
        """
        with self._lock:
            if self._loaded:
                return
            # Before the first one, which may look something up.
            self._loaded = True
            for point in self._find():
                try:
                    _register(point)
                except Exception as error:
                    self._failures.append(
                        f"the extension {point.name!r}{_owner(point)} cannot be loaded, {_reason(error)}; "
                        "update or uninstall it"
                    )
        for failure in self._failures:
            warnings.warn(failure, ExtensionWarning, stacklevel=3)


def load_extension(place: str) -> None:
    """Load an extension that is not installed, by the wish of a user.

    Args:
        place: ``package.module:function`` of a function without arguments that registers something, such as
            ``my_tasks:Width.register``.

    Raises:
        ConfigurationError: there is no such function, or it fails.
    """
    point = EntryPoint(name=place, value=place, group=GROUP)
    try:
        _register(point)
    except Exception as error:
        raise ConfigurationError(
            f"the extension {format_value(place)} cannot be loaded, {_reason(error)}; give "
            "package.module:function, with the folder of the package in PYTHONPATH or installed"
        ) from error
    _LOADED.append(place)


def loaded_extensions() -> tuple[str, ...]:
    """The places that :func:`load_extension` was given, for another process to load the same."""
    return tuple(_LOADED)


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _register(point: EntryPoint) -> None:
    if point.pattern.match(point.value) is None or not point.attr:
        raise ConfigurationError(f"{point.value!r} names no function of a module")
    register = point.load()
    if not callable(register):
        raise ConfigurationError(f"{point.value!r} is a {type(register).__name__} and cannot be called")
    register()


def _owner(point: EntryPoint) -> str:
    return "" if point.dist is None else f" of the package {point.dist.name} {point.dist.version}"


def _reason(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


_INSTALLED: Final = Extensions()
_LOADED: Final[list[str]] = []


@final
class Registry(Generic[T]):
    """Things of one kind by name.

    Installed extensions are loaded when a name is asked for that is not known, or when all names are.

    Args:
        kind: what the things are, as it stands in messages and in configurations, such as ``task``.
        entries: what the library has, or where it is.
        remedy: what to do about an unknown name, beside installing an extension.
        error: what is raised.
        extensions: who adds to the list; by default the installed packages.

    Example:
        >>> shapes = Registry("shape", entries={"circle": "round", "square": "angular"})
        >>> shapes.register("triangle", "pointed")
        >>> shapes.get("triangle")
        'pointed'
    """

    def __init__(
        self,
        kind: str,
        *,
        entries: Mapping[str, T | Lazy] | None = None,
        remedy: str | None = None,
        error: type[ScaleGMNError] = ConfigurationError,
        extensions: Extensions = _INSTALLED,
    ) -> None:
        self.kind, self._remedy, self._error, self._extensions = kind, remedy, error, extensions
        self._entries: dict[str, T | Lazy] = dict(entries or {})

    def register(self, name: str, value: T | Lazy) -> None:
        """Add something.

        Args:
            name: by which it is asked for: letters, digits and underscores, in parts with dots between them.
            value: what it is, or where.

        Raises:
            ScaleGMNError: the name is none, or something else has it.
        """
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            raise self._error(
                f"the name of a {self.kind} is {format_value(name)}, expected letters, digits and "
                "underscores, with a letter first"
            )
        if name in self._entries and not self._same(name, value):
            raise self._error(f"a {self.kind} called {name!r} is there already; choose another name")
        self._entries[name] = value

    def get(self, name: object, *, origin: str | None = None) -> T:
        """What has this name.

        Args:
            name: as it was given.
            origin: where it stands, for messages.

        Raises:
            ScaleGMNError: nothing has it; says which names there are.
        """
        if name not in self:
            where = "" if origin is None else f"{origin}: "
            raise self._error(f"{where}{self.kind} is {format_value(name)}, expected {self.expected(name)}")
        assert isinstance(name, str)
        return self._value(name)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if name not in self._entries:
            self._extensions.load()
        return name in self._entries

    def names(self) -> tuple[str, ...]:
        """All names: those of the library, then those of extensions."""
        self._extensions.load()
        return tuple(self._entries)

    def values(self) -> Iterator[T]:
        """Everything, in the order of the names; all of it is loaded."""
        return (self._value(name) for name in self.names())

    def expected(self, name: object, *, names: tuple[str, ...] | None = None) -> str:
        """What was expected instead of a name that is none, and what to do: the end of a sentence.

        Args:
            name: as it was given.
            names: that there are; by default those of this list.
        """
        names = self.names() if names is None else names
        text = f"one of {', '.join(names)}"
        near = nearest(name, names) if isinstance(name, str) else None
        if near is not None:
            text += f"; did you mean {near!r}?"
        elif isinstance(name, str) and ":" in name:
            text += "; no file can name a class: load it with --extension, and give its name"
        else:
            text += f"; {self._remedy or 'install the extension that has it, or load it with --extension'}"
        return "; ".join([text, *self._extensions.failures])

    def _value(self, name: str) -> T:
        entry = self._entries[name]
        if isinstance(entry, Lazy):
            entry = cast(T, entry.load())
            self._entries[name] = entry
        return entry

    def _same(self, name: str, value: T | Lazy) -> bool:
        """Whether a name stands for this value; what is loaded later is compared by its place."""
        return self._entries[name] == value or (not isinstance(value, Lazy) and self._value(name) == value)


@final
class Registered(Constraint):
    """Names of things in one of some registries, as an annotation: ``Annotated[str, Registered(TASKS)]``.

    Args:
        registries: of the same kind of things.
    """

    def __init__(self, *registries: Registry[Any]) -> None:
        self._registries = registries

    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(name for registry in self._registries for name in registry.names()))

    def admits(self, value: str) -> bool:
        """Whether something has this name."""
        return any(value in registry for registry in self._registries)

    def expected(self, value: object) -> str:
        """The names, the nearest one, and what to do."""
        return self._registries[0].expected(value, names=self.names())

    def __str__(self) -> str:
        """The names."""
        return f"one of {', '.join(self.names())}"
