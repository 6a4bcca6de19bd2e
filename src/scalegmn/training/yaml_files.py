"""YAML files with the numbers that people write, and without silent repetitions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, final

import yaml

from scalegmn.errors import ConfigurationError


@final
class _Loader(yaml.SafeLoader):
    """The safe loader, but ``1e-3`` is a number (YAML 1.2), and a key that occurs twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{twice} given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises:
        ConfigurationError: the file is missing, is no YAML, repeats a key, or holds something else.
    """
    try:
        # _Loader derives from the safe loader.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ConfigurationError(f"--config {path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not a valid YAML file: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected sections with keys, found {type(data).__name__}")
    return {str(key): value for key, value in data.items()}


def to_yaml(data: object) -> str:
    """Plain data as YAML, in the given order."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
