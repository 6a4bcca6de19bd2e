"""Networks from the user's own code, which the user names; no file names code, and no folder is guessed."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor, nn

from scalegmn.errors import ConfigurationError
from scalegmn.printable import printable
from scalegmn.seeding import generator

MODULE_OPTIONS: Final = ("module", "module_path", "arguments", "example")
"""Names of the options that name a network and an example."""
_LARGEST: Final = 10**8
"""Numbers of an example; more are a typing error."""
_INTEGERS: Final = frozenset({"int64", "int32", "bool"})
_REALS: Final = frozenset({"float32", "float64"})


def add_module_options(parser: ArgumentParser) -> None:
    """The options that name a network and an example of its input."""
    parser.add_argument(
        "--module",
        type=str | None,
        default=None,
        help="package.module:Class of an installed package, or of --module-path; your own code, which is run",
    )
    parser.add_argument(
        "--module-path", type=Path | None, default=None, help="folder that the package is imported from"
    )
    parser.add_argument(
        "--arguments",
        type=str | None,
        default=None,
        help="keyword arguments of the class, as JSON, such as '{\"width\": 8}'",
    )
    parser.add_argument(
        "--example",
        type=str,
        action="append",
        default=[],
        help="shape of an input, such as 1x3x32x32 or 1x16:int64, once for each; nn.Sequential needs none",
    )


def module_of(options: Namespace) -> nn.Module:
    """Make the network that the options name.

    Raises:
        ConfigurationError: there is no such class, or it makes no network.
    """
    if options.module is None:
        raise ConfigurationError(
            "--module is missing, expected package.module:Class of the network, such as "
            "models.resnet:ResNet, or an ONNX file"
        )
    made = _made(_named(options.module, options.module_path), options.module, _keywords(options.arguments))
    if not isinstance(made, nn.Module):
        raise ConfigurationError(
            f"--module {printable(options.module)} makes a {type(made).__name__}, expected a torch "
            "Module; name its class, or a function that returns one"
        )
    return made


def example_of(shapes: Sequence[str]) -> tuple[Tensor, ...] | None:
    """Random inputs of given shapes: normal numbers, or 0 and 1 where they are integers.

    Raises:
        ConfigurationError: a shape is none.
    """
    return tuple(_example(text, number) for number, text in enumerate(shapes)) or None


def _example(text: str, number: int) -> Tensor:
    sizes, _, dtype = text.partition(":")
    dtype = dtype or "float32"
    parts = sizes.split("x")
    if not all(part.isdecimal() and int(part) > 0 for part in parts) or dtype not in _INTEGERS | _REALS:
        raise ConfigurationError(
            f"--example is {printable(text)!r}, expected sizes with x between them, and a dtype if it is not "
            f"float32, such as 1x3x32x32 or 1x16:int64; dtypes are {', '.join(sorted(_INTEGERS | _REALS))}"
        )
    shape = torch.Size(map(int, parts))
    if shape.numel() > _LARGEST:
        raise ConfigurationError(
            f"--example {printable(text)} has more than {_LARGEST:,} numbers; give a smaller one"
        )
    numbers = generator(0, "example", number)
    kind: torch.dtype = getattr(torch, dtype)
    if dtype in _INTEGERS:
        return torch.randint(2, shape, generator=numbers).to(kind)
    return torch.randn(shape, generator=numbers, dtype=kind)


def _keywords(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        keywords = json.loads(text)
    except (ValueError, RecursionError):
        keywords = None
    if not isinstance(keywords, dict):
        raise ConfigurationError(
            f"--arguments is {printable(text)!r}, expected names and values as JSON, such as "
            "'{\"width\": 8}'"
        )
    return keywords


def _named(place: str, folder: Path | None) -> Any:
    """What ``package.module:name`` stands for."""
    package, colon, name = place.partition(":")
    if not colon or not all(part.isidentifier() for part in (*package.split("."), *name.split("."))):
        raise ConfigurationError(
            f"--module is {printable(place)!r}, expected package.module:Class, such as models.resnet:ResNet"
        )
    if folder is not None and not folder.is_dir():
        raise ConfigurationError(
            f"--module-path {folder} is no folder, expected the one that holds the package"
        )
    with _imports_from(folder):
        try:
            found: Any = importlib.import_module(package)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception as error:
            raise ConfigurationError(
                f"--module {place} cannot be imported, {type(error).__name__}: "
                f"{printable(str(error))}; install the package, or name its folder with --module-path (the "
                "current folder is not searched)"
            ) from error
    return found


def _made(found: Any, place: str, keywords: dict[str, Any]) -> Any:
    if isinstance(found, nn.Module) or not callable(found):
        return found
    try:
        return found(**keywords)
    except Exception as error:
        raise ConfigurationError(
            f"--module {printable(place)} cannot be made, {type(error).__name__}: {printable(str(error))}; "
            "give what it needs with --arguments"
        ) from error


@contextmanager
def _imports_from(folder: Path | None) -> Iterator[None]:
    """Search installed packages and one folder, but not the current folder, however Python was started."""
    before = list(sys.path)
    here = os.path.realpath(os.curdir)
    kept = [path for path in before if path and os.path.realpath(path) != here]
    sys.path[:] = kept if folder is None else [str(folder.resolve()), *kept]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
