"""From plain data and dotted keys to a configuration, with every error found at once."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from scalegmn.configuration import (
    Configuration,
    InvalidConfigurationError,
    RefusedValue,
    Sections,
    accept,
    earlier_names,
    field_types,
    format_value,
    nearest,
    similarity,
)
from scalegmn.errors import ConfigurationError
from scalegmn.registry import Registered
from scalegmn.training._yaml_files import parse_value

T = TypeVar("T")


@dataclass(frozen=True)
class ConfigEntry:
    """One value of a configuration.

    Attributes:
        value: as YAML gave it, or the text from the command line.
        origin: where it stands, for messages.
        text: whether it is still text.
        beside: folder of the file it stands in, where its paths are looked up first.
    """

    value: object
    origin: str
    text: bool = False
    beside: Path | None = None


@dataclass(frozen=True)
class ConfigField:
    """A field of a configuration that holds a value, not further fields."""

    key: str
    kind: Any
    required: bool


Options: TypeAlias = Mapping[str, type[Configuration]]
"""Classes of sections that stand beside the fields of a configuration, by name."""
_NO_OPTIONS: Final[Options] = MappingProxyType({})


def fields_of(kind: type, prefix: str = "", *, options: Options = _NO_OPTIONS) -> Iterator[ConfigField]:
    """All fields of a tree of dataclasses by their dotted names, and those of sections beside them."""
    hints = field_types(kind)
    for field in dataclasses.fields(kind):
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            yield from fields_of(hints[field.name], key + ".")
        elif hints[field.name] is Sections:
            for name, section in options.items():
                yield from fields_of(section, f"{name}.")
        else:
            missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            yield ConfigField(key, hints[field.name], missing)


def _earlier_keys(
    kind: type, prefix: str = "", *, options: Options = _NO_OPTIONS
) -> Iterator[tuple[str, str]]:
    """Dotted names of fields that were called otherwise, and what they are called now."""
    yield from ((f"{prefix}{old}", f"{prefix}{new}") for old, new in earlier_names(kind).items())
    for name, hint in field_types(kind).items():
        if dataclasses.is_dataclass(hint):
            yield from _earlier_keys(typing.cast(type, hint), f"{prefix}{name}.")
    for name, section in options.items():
        yield from _earlier_keys(section, f"{name}.")


def parse_plain(kind: type[T], data: Mapping[str, object], *, origin: str) -> T:
    """The inverse of :func:`to_plain`; what an earlier version wrote is read, too.

    Raises:
        ConfigurationError: names every error.
    """
    problems: list[str] = []
    config = parse_entries(kind, config_entries(data, kind=kind, origin=origin), problems)
    if config is None or problems:
        raise ConfigurationError("; ".join(problems))
    return config


def config_entries(
    data: Mapping[str, object],
    *,
    kind: type,
    origin: str,
    beside: Path | None = None,
    options: Options = _NO_OPTIONS,
) -> dict[str, ConfigEntry]:
    """The values of plain data by their dotted names; sections may be nested, or dotted themselves.

    Names that fields had in earlier versions are read as those of today, so that run folders stay usable.

    Args:
        data: the values.
        kind: the configuration whose fields they are.
        origin: where they come from, for messages.
        beside: folder of their file, for paths.
        options: sections that stand beside the fields of `kind`.

    Raises:
        ConfigurationError: a value is given in both ways.
    """
    entries: dict[str, ConfigEntry] = {}
    current = dict(_earlier_keys(kind, options=options))
    for written, value in _flat(data, "", _sections(kind, options)):
        key = current.get(written, written)
        if key in entries:
            raise ConfigurationError(f"{origin}: {key} is given twice")
        entries[key] = ConfigEntry(value, origin, beside=beside)
    return entries


def parse_entries(
    kind: type[T],
    entries: Mapping[str, ConfigEntry],
    problems: list[str],
    *,
    whole: bool = True,
    options: Options = _NO_OPTIONS,
) -> T | None:
    """A configuration from values by their dotted names; what is wrong with them is added to `problems`.

    Args:
        kind: of the configuration.
        entries: the values.
        problems: of before; grows.
        whole: whether these are all values; what a file would have said that cannot be read is not missing.
        options: sections that stand beside the fields of `kind`; those with values go into its field
            ``options``.

    Returns:
        The configuration, with defaults in place of wrong values; None if a required one is missing or wrong.
    """
    fields = {field.key: field for field in fields_of(kind, options=options)}
    renamed = dict(_earlier_keys(kind, options=options))
    values: dict[str, object] = {}
    for key, entry in entries.items():
        if key not in fields:
            hint = f"; it is called {renamed[key]!r} now" if key in renamed else _hint(key, fields)
            problems.append(f"{entry.origin}: unknown key {format_value(key)}{hint}")
            continue
        value = _meant(fields[key].kind, entry)
        try:
            values[key] = _found(accept(fields[key].kind, value), entry)
        except RefusedValue as refusal:
            problems.append(f"{entry.origin}: {key} is {format_value(value)}, expected {refusal}")
    missing = [key for key, field in fields.items() if field.required and key not in entries]
    if whole:
        problems += [
            f"{key} is missing; give it as --{key} VALUE or in a configuration file" for key in missing
        ]
    usable = all(key in values for key, field in fields.items() if field.required)
    given = {key.partition(".")[0] for key in values}
    held = {name: section for name, section in options.items() if name in given}
    if held:
        built = {name: _build(section, values, f"{name}.", problems) for name, section in held.items()}
        values["options"] = Sections(built)
    config: T | None = _build(kind, values, "", problems)
    return config if usable else None


def flat_items(config: Configuration, prefix: str = "") -> Iterator[tuple[str, object]]:
    """All values of a configuration by their dotted names."""
    for name, value in config.named_values():
        if isinstance(value, Configuration):
            yield from flat_items(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def for_help(kind: type, *, options: Options = _NO_OPTIONS) -> type:
    """A dataclass with the fields and the description of a configuration, and nothing else.

    Args:
        kind: the configuration.
        options: sections that stand beside its fields.

    jsonargparse reads annotations by itself, and finds none in classes that check themselves.
    """
    fields: list[Any] = []
    hints, marked = field_types(kind, limits=False), field_types(kind)
    for field in dataclasses.fields(kind):
        if hints[field.name] is Sections:
            fields += [_section(name, part) for name, part in options.items()]
            continue
        hint, own = _choices(marked[field.name], hints[field.name]), dataclasses.field(kw_only=True)
        own.default, own.default_factory = field.default, field.default_factory
        if dataclasses.is_dataclass(hint):
            section = typing.cast(type, hint)
            hint = for_help(section)
            if not any(entry.required for entry in fields_of(section)):
                own.default_factory = hint
        fields.append((field.name, hint, own))
    return dataclasses.make_dataclass(kind.__name__, fields, namespace={"__doc__": kind.__doc__})


def _section(name: str, kind: type[Configuration]) -> tuple[str, type, Any]:
    """A field for a section whose entries all have defaults."""
    hint = for_help(kind)
    return name, hint, dataclasses.field(kw_only=True, default_factory=hint)


def _choices(annotation: Any, bare: Any) -> Any:
    """An annotation without its limits; for names of registered things, all names."""
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Registered):
            return typing.Literal[mark.names()]
    return bare


def _sections(kind: type, options: Options = _NO_OPTIONS) -> set[str]:
    """Dotted names of the fields that hold further fields, and of sections beside them."""
    fields = {field.key.rpartition(".")[0] for field in fields_of(kind, options=options)} - {""}
    return fields | options.keys()


def _flat(data: Mapping[str, object], prefix: str, sections: set[str]) -> Iterator[tuple[str, object]]:
    for name, value in data.items():
        key = f"{prefix}{name}"
        if key in sections and isinstance(value, Mapping):
            yield from _flat(value, key + ".", sections)
        elif key in sections and value is None:
            continue  # a section without entries
        else:
            yield key, value


def _found(value: object, entry: ConfigEntry) -> object:
    """A path in a file means what lies beside the file; where nothing does, the current folder."""
    if isinstance(value, Path) and entry.beside is not None and (entry.beside / value).exists():
        return entry.beside / value
    return value


def _meant(kind: Any, entry: ConfigEntry) -> object:
    """The value of an entry: text of the command line is read as in a file, unless a text is asked for."""
    if not entry.text or not isinstance(entry.value, str):
        return entry.value
    value = parse_value(entry.value)
    if value is None:
        return value
    try:
        accept(kind, entry.value)
    except RefusedValue:
        return value
    return entry.value


def _hint(key: str, fields: Mapping[str, ConfigField]) -> str:
    """What may have been meant by a key that does not exist."""
    sections = {known.rpartition(".")[0] for known in fields} - {""}
    if key in sections:
        return f"; {key} is a section, set for example {next(k for k in fields if k.startswith(key + '.'))}"
    section, _, last = key.rpartition(".")
    close = nearest(last, {known.rpartition(".")[2] for known in fields})
    whole = None if section in sections else nearest(key, fields if section else sections, cutoff=0.75)
    if whole and (not close or similarity(key, whole) > similarity(last, close)):
        return f"; did you mean {whole!r}?"
    if close:
        places = [known for known in fields if known.rpartition(".")[2] == close]
        here = [known for known in places if known.rpartition(".")[0] == section]
        return f"; did you mean {' or '.join(repr(known) for known in here or places)}?"
    if section in sections:
        names = [k.removeprefix(section + ".") for k in fields if k.startswith(section + ".")]
        return f"; {section} has {', '.join(names)}"
    return f"; the sections are {', '.join(sorted(sections))}; see scalegmn train --help"


def _build(kind: type, values: Mapping[str, object], prefix: str, problems: list[str]) -> Any:
    """Make the dataclasses from the leaves up; a section that contradicts itself becomes its defaults."""
    hints = field_types(kind)
    own: dict[str, object] = {}
    needed: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            section = _build(typing.cast(type, hints[field.name]), values, key + ".", problems)
            own[field.name] = needed[field.name] = section
        elif key in values:
            own[field.name] = values[key]
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                needed[field.name] = values[key]
    if any(own[name] is None for name in own if dataclasses.is_dataclass(hints[name])):
        # A required value of a section is missing, which has been reported.
        return None
    try:
        return kind(**own)
    except InvalidConfigurationError as error:
        problems += [f"{prefix.rstrip('.')}: {problem}" if prefix else problem for problem in error.problems]
        own = needed
    except TypeError:
        # The same of a value of its own.
        return None
    return kind(**own)
