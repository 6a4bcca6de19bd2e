"""How messages call the places of a network."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Final

from torch import nn
from torch.fx import Node

_OURS: Final = ("torch.", "scalegmn.")
"""Packages that call modules, and whose lines say nothing to those who wrote them."""


def module_path(node: Node) -> str:
    """Dotted path of the module in whose ``forward`` an operation stands; empty for the network itself."""
    stack = node.meta.get("nn_module_stack") or {}
    return next((str(path) for path, _ in reversed(stack.values())), "")


def where(node: Node) -> str:
    """The same with its class, for messages."""
    stack = node.meta.get("nn_module_stack") or {}
    for path, kind in reversed(stack.values()):
        name = kind if isinstance(kind, str) else kind.__qualname__
        return place(str(path), name.rpartition(".")[2])
    return "the network itself"


def place(path: str, kind: str) -> str:
    """A module by path and class, for messages."""
    return f"{path or 'the network itself'} ({kind})"


def where_raised(error: BaseException, module: nn.Module) -> str:
    """The innermost module whose method raised an error, with file and line.

    Args:
        error: that was caught.
        module: that ran.
    """
    names = {id(part): name for name, part in module.named_modules()}
    found = place("", type(module).__name__)
    for frame, line in _frames(error):
        owner = _first_argument(frame)
        if id(owner) in names and not frame.f_globals.get("__name__", "").startswith(_OURS):
            file = frame.f_code.co_filename.rpartition("/")[2]
            found = f"{place(names[id(owner)], type(owner).__name__)}, line {line} of {file},"
        elif id(owner) in names and frame.f_code.co_name == "forward":
            found = place(names[id(owner)], type(owner).__name__)
    return found


def _first_argument(frame: FrameType) -> object:
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return frame.f_locals.get(names[0]) if names else None


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Frames from the outermost to the one that raised first, through errors that were raised from others."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame, step.tb_lineno
        step = step.tb_next
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _frames(inner)
