"""YAML files with the numbers that people write, and without silent repetitions.

Only plain values come out: no dates, no sets, no objects.  Aliases may be used; what they unfold to is
bounded.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, final

import yaml

from scalegmn.configuration import format_value
from scalegmn.errors import ConfigurationError

MAX_BYTES: Final = 2**20
"""Larger files are no configurations."""
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 100_000
"""Maximum number of values in a file, with all aliases expanded."""

_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAG}merge"
_PLAIN: Final = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}


@final
class _Loader(yaml.SafeLoader):
    """The safe loader with numbers as in YAML 1.2: ``1e-3`` is one, ``12:30`` and ``010`` are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag[len(_TAG) :] in ("null", "bool", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_DIGITS: Final = list("-+0123456789.")
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(
        r"^([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    _DIGITS,
)
_Loader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"^([-+]?(0|[1-9][0-9_]{0,30})|0x[0-9a-fA-F]{1,16})$"), _DIGITS
)


@final
class _Dumper(yaml.SafeDumper):
    """The safe dumper, but texts that the loader above takes for numbers are put into quotes."""


for _first, _resolvers in _Loader.yaml_implicit_resolvers.items():
    for _tag, _form in _resolvers:
        _Dumper.add_implicit_resolver(_tag, _form, [_first])


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises:
        ConfigurationError: the file is missing, too large, no YAML, repeats a key, or holds something else.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {MAX_BYTES:,} bytes, expected a configuration")
    try:
        data = parse_yaml(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not a valid YAML file: {_reason(error)}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected sections with keys, found {type(data).__name__}")
    return data


def parse_yaml(text: str) -> Any:
    """Plain values from a YAML text; all keys are texts, as they are written.

    Raises:
        ValueError: it is none, or holds what is no plain value.
    """
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        # Texts may hold brackets too, hence the leeway; the parser takes the square of the depth.
        depth += 1 if bracket in "[{" else -1
        if depth > 10 * MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, loader)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()


def parse_value(text: str) -> object:
    """A value as it would stand in a file; text that is no YAML is a text."""
    try:
        return parse_yaml(text)
    except (ValueError, RecursionError):
        return text


def to_yaml(data: object) -> str:
    """Plain data as YAML, in the given order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _check(root: yaml.Node, loader: _Loader) -> None:
    """Refuse what is no plain value, and what unfolds to too much.

    A node that several aliases name is counted at each of its places, but looked at once.
    """
    counts: dict[int, int] = {}
    open_nodes: set[int] = set()

    def count(node: yaml.Node, depth: int) -> int:
        if id(node) in open_nodes:
            raise _wrong(node, "a value that contains itself")
        if depth > MAX_DEPTH:
            raise _wrong(node, f"values nested more than {MAX_DEPTH} deep")
        if id(node) in counts and depth + 1 < MAX_DEPTH:
            return counts[id(node)]
        open_nodes.add(id(node))
        total = 1 + sum(count(child, depth + 1) for child in _children(node, loader))
        open_nodes.discard(id(node))
        counts[id(node)] = total
        if total > MAX_VALUES:
            raise _wrong(node, f"more than {MAX_VALUES:,} values, those that aliases repeat included")
        return total

    count(root, 0)


def _children(node: yaml.Node, loader: _Loader) -> list[yaml.Node]:
    if node.tag not in _PLAIN:
        raise _wrong(node, f"the tag {format_value(node.tag)}, expected plain values")
    if isinstance(node, yaml.ScalarNode):
        implied = loader.resolve(yaml.ScalarNode, node.value, (True, False))
        if node.tag not in (implied, f"{_TAG}str"):
            raise _wrong(
                node,
                f"{format_value(node.value)} with the tag {format_value(node.tag)}, which it does not fit",
            )
        return []
    if isinstance(node, yaml.MappingNode):
        _name_keys(node)
        return [value for _, value in node.value]
    return list(node.value)


def _name_keys(node: yaml.MappingNode) -> None:
    """Make every key the text that is written, and refuse those that are none or occur twice."""
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(key, "a key that is no word")
        if key.tag == _MERGE:
            continue
        if key.value in seen:
            raise _wrong(key, f"[{format_value(key.value)}] given twice")
        seen.add(key.value)
        key.tag = f"{_TAG}str"


def _wrong(node: yaml.Node, what: str) -> ValueError:
    return ValueError(f"line {node.start_mark.line + 1} has {what}")


def _reason(error: Exception) -> str:
    """A short sentence of what may be many lines with a picture of the place."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    text = " ".join(str(error).split())
    return "".join(one for one in text if one.isprintable())[:200]
