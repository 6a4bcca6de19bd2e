"""From YAML files and dotted overrides to a configuration, with every mistake found at once."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentParser

from scalegmn.configuration import (
    MistakesError,
    Refused,
    accepted,
    field_kinds,
    likeness,
    nearest,
    shown,
)
from scalegmn.errors import ConfigurationError
from scalegmn.training._config import RunConfig
from scalegmn.training._shipped import find_configuration
from scalegmn.training._yaml_files import parse_value, read_yaml

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
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
class Field:
    """A field of a configuration that holds a value, not further fields."""

    key: str
    kind: Any
    required: bool


def fields_of(kind: type, prefix: str = "") -> Iterator[Field]:
    """All fields of a tree of dataclasses by their dotted names."""
    hints = field_kinds(kind)
    for field in dataclasses.fields(kind):
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            yield from fields_of(hints[field.name], key + ".")
        else:
            missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            yield Field(key, hints[field.name], missing)


def parse_config(arguments: Sequence[str]) -> tuple[RunConfig | None, list[str]]:
    """Read ``--config FILE`` and ``--section.key VALUE``, later ones over earlier ones.

    Returns:
        The configuration, with defaults in place of wrong values, and all mistakes.  It is None if a
        required value is missing or wrong.
    """
    mistakes: list[str] = []
    entries, whole = _entries(arguments, mistakes)
    return parse_entries(RunConfig, entries, mistakes, whole=whole), mistakes


def parse_plain(kind: type[T], data: Mapping[str, object], *, origin: str) -> T:
    """The inverse of :func:`to_plain`.

    Raises:
        ConfigurationError: names every mistake.
    """
    mistakes: list[str] = []
    config = parse_entries(kind, entries_of(data, kind=kind, origin=origin), mistakes)
    if config is None or mistakes:
        raise ConfigurationError("; ".join(mistakes))
    return config


def entries_of(
    data: Mapping[str, object], *, kind: type, origin: str, beside: Path | None = None
) -> dict[str, Entry]:
    """The values of plain data by their dotted names; sections may be nested, or dotted themselves.

    Args:
        data: the values.
        kind: the configuration whose fields they are.
        origin: where they come from, for messages.
        beside: folder of their file, for paths.

    Raises:
        ConfigurationError: a value is given in both ways.
    """
    entries: dict[str, Entry] = {}
    for key, value in _flat(data, "", _sections(kind)):
        if key in entries:
            raise ConfigurationError(f"{origin}: {key} is given twice")
        entries[key] = Entry(value, origin, beside=beside)
    return entries


def parse_entries(
    kind: type[T], entries: Mapping[str, Entry], mistakes: list[str], *, whole: bool = True
) -> T | None:
    """A configuration from values by their dotted names; what is wrong with them is added to `mistakes`.

    Args:
        kind: of the configuration.
        entries: the values.
        mistakes: of before; grows.
        whole: whether these are all values; what a file would have said that cannot be read is not missing.

    Returns:
        The configuration, with defaults in place of wrong values; None if a required one is missing or wrong.
    """
    fields = {field.key: field for field in fields_of(kind)}
    values: dict[str, object] = {}
    for key, entry in entries.items():
        if key not in fields:
            mistakes.append(f"{entry.origin}: unknown key {shown(key)}{_hint(key, fields)}")
            continue
        value = _meant(fields[key].kind, entry)
        try:
            values[key] = _found(accepted(fields[key].kind, value), entry)
        except Refused as refusal:
            mistakes.append(f"{entry.origin}: {key} is {shown(value)}, expected {refusal}")
    missing = [key for key, field in fields.items() if field.required and key not in entries]
    if whole:
        mistakes += [
            f"{key} is missing; give it as --{key} VALUE or in a configuration file" for key in missing
        ]
    usable = all(key in values for key, field in fields.items() if field.required)
    config: T | None = _build(kind, values, "", mistakes)
    return config if usable else None


def flat_items(config: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """All values of a configuration by their dotted names."""
    assert dataclasses.is_dataclass(config)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from flat_items(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def for_help(kind: type) -> type:
    """A dataclass with the fields and the description of a configuration, and nothing else.

    jsonargparse reads annotations by itself, and finds none in classes that check themselves.
    """
    fields: list[Any] = []
    hints = field_kinds(kind, limits=False)
    for field in dataclasses.fields(kind):
        hint, own = hints[field.name], dataclasses.field(kw_only=True)
        own.default, own.default_factory = field.default, field.default_factory
        if dataclasses.is_dataclass(hint):
            section = typing.cast(type, hint)
            hint = for_help(section)
            if not any(entry.required for entry in fields_of(section)):
                own.default_factory = hint
        fields.append((field.name, hint, own))
    return dataclasses.make_dataclass(kind.__name__, fields, namespace={"__doc__": kind.__doc__})


def help_parser() -> ArgumentParser:
    """A parser that knows every option and its description, to print help."""
    parser = ArgumentParser(
        prog="scalegmn train",
        description="Train a metanetwork. Values come from configuration files and from options, later ones "
        "over earlier ones; all mistakes are reported before any work starts.",
        epilog="`scalegmn configs` lists the configurations that have names.",
        default_env=False,
    )
    parser.add_argument(
        "--config",
        type=str,
        help="YAML file, or the name of a configuration that ships with scalegmn, such as "
        "inr_classification/mnist; several are read one over the other",
    )
    parser.add_class_arguments(for_help(RunConfig), as_group=False)
    return parser


def _entries(arguments: Sequence[str], mistakes: list[str]) -> tuple[dict[str, Entry], bool]:
    """The values, and whether all files could be read."""
    entries: dict[str, Entry] = {}
    whole = True
    rest = list(arguments)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--") or token == "--":
            mistakes.append(f"command line: {token!r} stands alone; expected --key VALUE")
            continue
        key, equals, value = token[2:].partition("=")
        if not equals:
            # A lone option is a switch.
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        if key == "config":
            whole &= _read_file(value, entries, mistakes)
        else:
            entries[key] = Entry(value, "command line", text=True)
    return entries, whole


def _read_file(path: str, entries: dict[str, Entry], mistakes: list[str]) -> bool:
    try:
        file = find_configuration(path)
        content = read_yaml(file.path)
        if {"base", "models"} <= content.keys():
            raise ConfigurationError(f"--config {path}: describes a comparison; give it to scalegmn compare")
        found = entries_of(content, kind=RunConfig, origin=path, beside=file.beside)
    except ConfigurationError as error:
        mistakes.append(str(error))
        return False
    entries |= found
    return True


def _sections(kind: type) -> set[str]:
    """Dotted names of the fields that hold further fields."""
    return {field.key.rpartition(".")[0] for field in fields_of(kind)} - {""}


def _flat(data: Mapping[str, object], prefix: str, sections: set[str]) -> Iterator[tuple[str, object]]:
    for name, value in data.items():
        key = f"{prefix}{name}"
        if key in sections and isinstance(value, Mapping):
            yield from _flat(value, key + ".", sections)
        elif key in sections and value is None:
            continue  # a section without entries
        else:
            yield key, value


def _found(value: object, entry: Entry) -> object:
    """A path in a file means what lies beside the file; where nothing does, the current folder."""
    if isinstance(value, Path) and entry.beside is not None and (entry.beside / value).exists():
        return entry.beside / value
    return value


def _meant(kind: Any, entry: Entry) -> object:
    """The value of an entry: text of the command line is read as in a file, unless a text is asked for."""
    if not entry.text or not isinstance(entry.value, str):
        return entry.value
    value = parse_value(entry.value)
    if value is None:
        return value
    try:
        accepted(kind, entry.value)
    except Refused:
        return value
    return entry.value


def _hint(key: str, fields: Mapping[str, Field]) -> str:
    """What may have been meant by a key that does not exist."""
    sections = {known.rpartition(".")[0] for known in fields} - {""}
    if key in sections:
        return f"; {key} is a section, set for example {next(k for k in fields if k.startswith(key + '.'))}"
    section, _, last = key.rpartition(".")
    close = nearest(last, {known.rpartition(".")[2] for known in fields})
    whole = None if section in sections else nearest(key, fields if section else sections, cutoff=0.75)
    if whole and (not close or likeness(key, whole) > likeness(last, close)):
        return f"; did you mean {whole!r}?"
    if close:
        places = [known for known in fields if known.rpartition(".")[2] == close]
        here = [known for known in places if known.rpartition(".")[0] == section]
        return f"; did you mean {' or '.join(repr(known) for known in here or places)}?"
    if section in sections:
        names = [k.removeprefix(section + ".") for k in fields if k.startswith(section + ".")]
        return f"; {section} has {', '.join(names)}"
    return f"; the sections are {', '.join(sorted(sections))}; see scalegmn train --help"


def _build(kind: type, values: Mapping[str, object], prefix: str, mistakes: list[str]) -> Any:
    """Make the dataclasses from the leaves up; a section that contradicts itself becomes its defaults."""
    hints = field_kinds(kind)
    own: dict[str, object] = {}
    needed: dict[str, object] = {}
    for field in dataclasses.fields(kind):
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            section = _build(typing.cast(type, hints[field.name]), values, key + ".", mistakes)
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
    except MistakesError as error:
        mistakes += [f"{prefix.rstrip('.')}: {mistake}" if prefix else mistake for mistake in error.mistakes]
        own = needed
    except TypeError:
        # The same of a value of its own.
        return None
    return kind(**own)
