"""What all configurations have in common: they check themselves, and can be written and read."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from scalegmn.configuration._earlier_names import with_current_names
from scalegmn.configuration._formatting import format_value, nearest
from scalegmn.configuration._plain import register_plain_form, to_plain
from scalegmn.configuration._values import RefusedValue, accept
from scalegmn.errors import ConfigurationError

C = TypeVar("C", bound="Configuration")


class InvalidConfigurationError(ConfigurationError):
    """A configuration is wrong; the message begins with its class, or with what it was read from."""


class Configuration:
    """Base of dataclasses that hold options.

    Subclasses are frozen dataclasses.  Their annotations say what each field accepts, limits included
    (:mod:`~scalegmn.configuration._limits`): values from Python, from YAML and from saved models are
    converted and checked in the same way, when the configuration is made.

    Example:
        >>> from dataclasses import dataclass
        >>> from scalegmn.configuration import Configuration, Count
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Options(Configuration):
        ...     width: Count = 64
        >>> Options(width="32")
        Options(width=32)

    Raises:
        ConfigurationError: names the class, and for each wrong field its value and what was expected.
    """

    __no_type_check__: ClassVar[bool] = True
    """For checkers that wrap constructors (jaxtyping): texts may be given where members are held."""
    left_out: ClassVar[frozenset[str]] = frozenset()
    """Fields that :meth:`to_plain` does not write, because they are not the business of a record."""

    error: ClassVar[type[InvalidConfigurationError]] = InvalidConfigurationError
    """What is raised; families of classes may have a narrower one."""

    def __post_init__(self) -> None:
        """Convert and check all fields, then what they mean together."""
        problems: list[str] = []
        for name, kind in field_types(type(self)).items():
            value = getattr(self, name)
            try:
                found = check_value(kind, value, name=name)
            except InvalidConfigurationError as error:
                problems += error.problems
                continue
            if found is not value:
                object.__setattr__(self, name, found)
        problems += [] if problems else self.contradictions()
        if problems:
            raise self.error(type(self).__name__, problems=problems)

    def contradictions(self) -> Iterator[str]:
        """What is wrong with fields that are right each by itself."""
        return iter(())

    def to_plain(self) -> dict[str, Any]:
        """Plain data, fit for JSON and YAML; the inverse of :func:`from_plain`."""
        return {name: to_plain(value) for name, value in self.named_values() if name not in self.left_out}

    @classmethod
    def gathered(cls, data: object) -> object:
        """What the constructor takes, from plain data that :meth:`to_plain` wrote: by default the same."""
        return data

    def named_values(self) -> Iterator[tuple[str, object]]:
        """All fields by name, in the order in which they are written."""
        return ((name, getattr(self, name)) for name in field_types(type(self)))


def check_value(kind: Any, value: object, *, name: str) -> object:
    """The value that a field called `name` gets.

    Raises:
        InvalidConfigurationError: says what is wrong with it.
    """
    try:
        return accept(kind, value)
    except RefusedValue as refusal:
        problems = [f"{name} is {format_value(value)}, expected {refusal}"]
    except InvalidConfigurationError as error:
        problems = [f"{name}.{problem}" for problem in error.problems]
    raise InvalidConfigurationError(name, problems=problems)


def from_plain(kind: type[C], data: object, *, origin: str | None = None) -> C:
    """The configuration that :meth:`Configuration.to_plain` wrote.

    Args:
        kind: class of the configuration.
        data: its fields by name; those with defaults may be left out.
        origin: where the data come from, for messages.

    Raises:
        ConfigurationError: names every field that is unknown, missing or wrong.
    """
    owner = kind.__name__ if origin is None else f"{origin}: {kind.__name__}"
    if inspect.isabstract(kind):
        raise InvalidConfigurationError(
            owner, problems=[f"is {format_value(data)}, expected one made in Python"]
        )
    fields = {field.name: field for field in _fields(kind)}
    required = {name for name, field in fields.items() if _is_required(field)}
    try:
        current = with_current_names(kind, data) if isinstance(data, Mapping) else data
        known = _known(kind.gathered(current), owner=owner, known=fields, required=required)
        return kind(**known)
    except InvalidConfigurationError as error:
        raise type(error)(owner, problems=error.problems) from error


def check_arguments(function: Callable[..., object], data: object, *, origin: str) -> dict[str, Any]:
    """Plain data as the keyword arguments of a function, each converted and checked by its annotation.

    Raises:
        ConfigurationError: names every argument that is unknown, missing or wrong.
    """
    parameters = dict(inspect.signature(function).parameters)
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = {n: p for n, p in parameters.items() if p.kind in named and n != "self"}
    required = {name for name, parameter in parameters.items() if parameter.default is parameter.empty}
    known = _known(data, owner=origin, known=parameters, required=required)
    hints = typing.get_type_hints(function, include_extras=True)
    problems: list[str] = []
    found = {}
    for name, value in known.items():
        try:
            found[name] = check_value(hints[name], value, name=name)
        except InvalidConfigurationError as error:
            problems += error.problems
    if problems:
        raise InvalidConfigurationError(origin, problems=problems)
    return found


def field_types(kind: type, *, limits: bool = True) -> Mapping[str, Any]:
    """The annotations of all fields that the constructor takes, with or without their limits."""
    return _field_kinds(kind, limits)


@functools.cache
def _field_kinds(kind: type, limits: bool) -> dict[str, Any]:
    names = [field.name for field in _fields(kind)]
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        # Class by class: what is marked with __no_type_check__ has no hints for `typing`.
        written = vars(base).get("__annotations__", {})
        own = types.SimpleNamespace(__annotations__={n: written[n] for n in names if n in written})
        hints |= typing.get_type_hints(own, vars(sys.modules[base.__module__]), include_extras=limits)
    return {name: hints[name] for name in names}


def concrete_configurations(kind: type[Configuration] = Configuration) -> set[type[Configuration]]:
    """All classes of configurations that have been imported and can be made."""
    found: set[type[Configuration]] = set()
    for below in kind.__subclasses__():
        made = "__dataclass_fields__" in vars(below) and not inspect.isabstract(below)
        found |= concrete_configurations(below) | ({below} if made else set())
    return found


def _fields(kind: Any) -> Iterator[dataclasses.Field[Any]]:
    return (field for field in dataclasses.fields(kind) if field.init)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _known(data: object, *, owner: str, known: Mapping[str, object], required: set[str]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidConfigurationError(
            owner, problems=[f"is {format_value(data)}, expected entries by name"]
        )
    problems = []
    for key in data:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
            plain = isinstance(key, str) and key.isidentifier()
            problems.append(f"{key[:80] if plain else format_value(key)} is unknown; {hint}")
    problems += [f"{name} is missing" for name in sorted(required - set(data))]
    if problems:
        raise InvalidConfigurationError(owner, problems=problems)
    return dict(data)


register_plain_form(Configuration, write=lambda value: value.to_plain(), read=from_plain)
