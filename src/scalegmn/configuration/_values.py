"""What an annotation accepts: values as they are, texts that are turned into what is meant, nothing else."""

from __future__ import annotations

import math
import numbers
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final

from scalegmn.configuration._formatting import nearest
from scalegmn.configuration._limits import Constraint
from scalegmn.configuration._plain import plain_form

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_LARGEST: Final = 2**63
_DEEPEST: Final = 20


class RefusedValue(Exception):  # noqa: N818 - no error of the library: every use turns it into one
    """A value is none that the annotation accepts; the text says what is."""


def accept(kind: Any, value: object) -> Any:
    """The value of a field with the annotation `kind`.

    Texts become members of enumerations (by name or value), numbers and paths; lists become tuples; mappings
    become the configurations whose fields they hold; numbers of numpy become those of Python.

    Raises:
        Refused: the annotation does not accept the value.
        InvalidConfigurationError: a mapping does not fit the configuration that is asked for.
    """
    origin = typing.get_origin(kind)
    if kind is Any:
        return _plain(value, _DEEPEST)
    if origin is typing.Annotated:
        base, *marks = typing.get_args(kind)
        found = accept(base, value)
        for mark in marks:
            if isinstance(mark, Constraint) and not mark.admits(found):
                raise RefusedValue(mark.expected(found))
        return found
    if origin in (typing.Union, types.UnionType):
        return _one_of(typing.get_args(kind), value, kind)
    if origin is typing.Literal:
        return _literal(kind, value)
    if origin is tuple:
        return _entries(kind, value)
    if origin in (dict, Mapping):
        return _mapping(kind, value)
    return _instance(kind if origin is None else origin, value)


def describe_type(kind: Any) -> str:
    """What an annotation accepts, in words."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return "a plain value: text, a finite number, true, false, null, or a list or mapping of these"
    if origin is typing.Annotated:
        return ", ".join(
            [describe_type(parts[0]), *(str(mark) for mark in parts[1:] if isinstance(mark, Constraint))]
        )
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe_type(part) for part in parts)
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple:
        if parts[-1] is Ellipsis:
            return f"a list, each entry {describe_type(parts[0])}"
        return f"a list of {len(parts)} entries: {', '.join(describe_type(part) for part in parts)}"
    if origin in (dict, Mapping):
        return f"a mapping from words, each to {describe_type(parts[1])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(kind.__members__)}"
    return _WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}")


_WORDS: Final[dict[Any, str]] = {
    bool: "a bool (true or false)",
    int: "an int",
    float: "a finite number",
    str: "a text",
    Path: "a path",
    type(None): "null (None)",
    types.NoneType: "null (None)",
}


def _one_of(kinds: Sequence[Any], value: object, whole: Any) -> object:
    exact = [kind for kind in kinds if _bare(kind) is type(value)]
    # A text that is an integer is one, not a number with a fraction.
    for kind in sorted(kinds, key=lambda kind: (kind not in exact, _bare(kind) is float)):
        try:
            return accept(kind, value)
        except RefusedValue as refusal:
            if kind in exact:
                raise refusal
    raise RefusedValue(describe_type(whole))


def _bare(kind: Any) -> Any:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def _literal(kind: Any, value: object) -> object:
    for known in typing.get_args(kind):
        if type(known) is type(value) and known == value:
            return known
    raise RefusedValue(describe_type(kind))


def _entries(kind: Any, value: object) -> tuple[object, ...]:
    parts = typing.get_args(kind)
    if not isinstance(value, list | tuple):
        raise RefusedValue(describe_type(kind))
    kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
    if len(kinds) != len(value):
        raise RefusedValue(describe_type(kind))
    try:
        return tuple(accept(part, entry) for part, entry in zip(kinds, value, strict=True))
    except RefusedValue as refusal:
        raise RefusedValue(describe_type(kind)) from refusal


def _mapping(kind: Any, value: object) -> dict[Any, object]:
    key_kind, entry_kind = typing.get_args(kind)
    if not isinstance(value, Mapping):
        raise RefusedValue(describe_type(kind))
    try:
        # Words stay words: no key is made of something else.
        if key_kind is str and not all(isinstance(key, str) for key in value):
            raise RefusedValue(describe_type(kind))
        return {accept(key_kind, key): accept(entry_kind, entry) for key, entry in value.items()}
    except RefusedValue as refusal:
        raise RefusedValue(describe_type(kind)) from refusal


def _instance(kind: Any, value: object) -> object:
    if kind in _READERS:
        return _READERS[kind](value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind, value)
    if kind is type(None):
        if value is None:
            return None
    elif isinstance(value, kind):
        return value
    elif isinstance(value, Mapping):
        form = plain_form(kind)
        if form is not None:
            return form.read(kind, value)
    raise RefusedValue(describe_type(kind))


def _member(kind: type[Enum], value: object) -> Enum:
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        if value in kind.__members__:
            return kind.__members__[value]
        for member in kind:
            if member.value == value:
                return member
    near = nearest(value, kind.__members__) if isinstance(value, str) else None
    raise RefusedValue(describe_type(kind) + (f"; did you mean {near!r}?" if near else ""))


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise RefusedValue(describe_type(bool))


def _int(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise RefusedValue(describe_type(int))
    found = int(value)
    if not -_LARGEST <= found < _LARGEST:
        raise RefusedValue("an int of at most 64 bits")
    return found


def _float(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise RefusedValue(describe_type(float))
    try:
        found = float(value)
    except (OverflowError, ValueError) as error:
        raise RefusedValue(describe_type(float)) from error
    if not math.isfinite(found):
        raise RefusedValue(describe_type(float))
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or not _encodable(value, errors="strict"):
        raise RefusedValue(describe_type(str))
    return str(value)


def _path(value: object) -> Path:
    name = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    # Names of files may hold bytes that are no text.
    if (
        not isinstance(name, str)
        or not name
        or "\0" in name
        or not _encodable(name, errors="surrogateescape")
    ):
        raise RefusedValue(describe_type(Path))
    return Path(name)


def _encodable(text: str, *, errors: str) -> bool:
    try:
        text.encode("utf-8", errors)
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    for reader in (_text, _int, _float):
        if isinstance(value, str) is (reader is _text):
            try:
                return reader(value)
            except RefusedValue:
                continue
    if depth and isinstance(value, list | tuple):
        return type(value)(_plain(entry, depth - 1) for entry in value)
    if depth and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(entry, depth - 1) for key, entry in value.items()}
    raise RefusedValue(describe_type(Any))


_READERS: Final[dict[Any, Callable[[object], object]]] = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _text,
    Path: _path,
}
