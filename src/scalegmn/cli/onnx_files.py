"""Options of commands that read a network from an ONNX file, in place of the user's code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser, Namespace

from scalegmn.errors import ConfigurationError
from scalegmn.printable import printable
from scalegmn.programs.onnx import OnnxNetwork, load_onnx

_CHECKPOINTS: Final = frozenset({".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".npz", ".h5", ".keras"})


def add_onnx_options(parser: ArgumentParser) -> None:
    """The file, and what it leaves open."""
    parser.add_argument(
        "onnx",
        type=Path | None,
        nargs="?",
        default=None,
        help="an ONNX file in place of --module; no code is run then (pip install 'scalegmn[onnx]')",
    )
    add_onnx_settings(parser)


def add_onnx_settings(parser: ArgumentParser) -> None:
    """What ONNX files leave open."""
    parser.add_argument(
        "--size",
        type=str,
        action="append",
        default=[],
        help="size of an axis that the ONNX file leaves open, such as sequence=16; a batch is 1",
    )
    parser.add_argument(
        "--external-data",
        action="store_true",
        help="let weights of the ONNX file lie in other files of its folder",
    )


def onnx_of(options: Namespace, *, others: Sequence[str]) -> OnnxNetwork | None:
    """The network of the ONNX file; None if there is none.

    Args:
        options: of the command.
        others: names of options that say what a file says.

    Raises:
        ConfigurationError: such an option is given as well, or one for ONNX files without a file.
    """
    if options.onnx is None:
        if options.size or options.external_data:
            raise ConfigurationError("--size and --external-data are for ONNX files; name the file")
        return None
    if options.onnx.suffix.lower() in _CHECKPOINTS:
        raise ConfigurationError(
            f"{printable(str(options.onnx))} stands in the place of an ONNX file, expected one; a checkpoint "
            "goes behind --checkpoint, with --module or --program for what computes with it"
        )
    for name in others:
        if options[name]:
            raise ConfigurationError(
                f"--{name.replace('_', '-')} does not go with an ONNX file, which has its own operations, "
                "sizes and weights; leave it out"
            )
    return at_sizes(options, options.size)


def at_sizes(options: Namespace, sizes: Sequence[str]) -> OnnxNetwork:
    """The network of the ONNX file, with given sizes of what it leaves open."""
    return load_onnx(options.onnx, sizes=dict(map(onnx_size, sizes)), external_data=options.external_data)


def onnx_size(text: str) -> tuple[str, int]:
    """The name and the size of an axis, such as ``sequence=16``.

    Raises:
        ConfigurationError: the text is none.
    """
    name, equals, number = text.rpartition("=")
    if not equals or not name or not number.isdecimal():
        raise ConfigurationError(
            f"--size is {printable(text)!r}, expected a name and a whole number, such as sequence=16"
        )
    return name, int(number)
