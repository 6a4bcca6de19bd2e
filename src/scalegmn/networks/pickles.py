"""Which Python objects a pickle would look up, found by reading it and never by running it.

A pickle is a little program: it can name any importable function and call it.  The files that
``torch.save`` writes are pickles too, so before one of them is handed to torch, its instructions
are listed here and every name is compared with the short list of those that plain tensors need.
torch's own restricted reader then forms a second, independent barrier.  The list is deliberately
narrower than torch's, and what a program adds with ``torch.serialization.add_safe_globals`` does
not widen it.
"""

from __future__ import annotations

import pickletools
from io import BytesIO

import torch

from scalegmn.errors import CheckpointError, UnsafeCheckpointError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES = 5  # magic number, protocol, machine description, the object, the storage keys

_REBUILDERS = (
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    # These make tensors that are refused later, where the message can name the tensor.
    "_rebuild_sparse_tensor",
    "_rebuild_qtensor",
    "_rebuild_meta_tensor_no_storage",
)
_STORAGES = (
    *("BFloat16", "Half", "Float", "Double", "ComplexFloat", "ComplexDouble", "Bool", "Byte", "Char"),
    *("Short", "Int", "Long", "QInt8", "QInt32", "QUInt8", "QUInt4x2", "QUInt2x4"),
)

HARMLESS_GLOBALS: frozenset[str] = frozenset(
    {
        "collections.Counter",
        "collections.OrderedDict",
        "builtins.set",
        "torch.Size",
        "torch.device",
        "torch.nn.parameter.Parameter",
        "torch.per_channel_affine",
        "torch.per_tensor_affine",
        "torch.serialization._get_layout",
        "torch.storage.UntypedStorage",
        *(f"torch._utils.{name}" for name in _REBUILDERS),
        *(f"torch.{name}Storage" for name in _STORAGES),
        *(str(value) for value in vars(torch).values() if isinstance(value, torch.dtype)),
    }
)
"""Names that describe tensors and plain values; none of them can be made to do anything else."""

_TEXT_OPCODES = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})
_STORE_OPCODES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_FETCH_OPCODES = frozenset({"GET", "BINGET", "LONG_BINGET"})
_EXTENSION_OPCODES = frozenset({"EXT1", "EXT2", "EXT4"})


def wanted_globals(stream: BytesIO) -> tuple[list[str], bool]:
    """List the names that the pickle at the stream's position looks up, in order of appearance.

    Nothing is imported and nothing is called.  A name that the pickle computes in a way that cannot
    be followed is listed as ``<computed name>``, which no list of harmless names contains.

    Returns:
        The names as ``module.name``, and whether the pickle is whole (it ends with its STOP
        instruction).  The stream then stands behind the pickle.
    """
    names: list[str] = []
    memo: dict[int, str | None] = {}
    # The texts pushed last, newest at the end; None for anything that is not a known text.  Two are
    # all that a lookup by stack needs, and "memo" instructions leave the stack as it is.
    pushed: list[str | None] = [None, None]
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in ("GLOBAL", "INST"):
                names.append(_dotted(*str(argument).split(" ", 1)))
                pushed = [None, None]
            elif opcode.name == "STACK_GLOBAL":
                names.append(_dotted(*pushed))
                pushed = [None, None]
            elif opcode.name in _EXTENSION_OPCODES:
                names.append(f"<extension code {argument}>")
                pushed = [None, None]
            elif opcode.name == "MEMOIZE":
                memo[len(memo)] = pushed[-1]
            elif opcode.name in _STORE_OPCODES:
                memo[int(str(argument))] = pushed[-1]
            elif opcode.name in _FETCH_OPCODES:
                pushed = [pushed[-1], memo.get(int(str(argument)))]
            elif opcode.name in _TEXT_OPCODES:
                pushed = [pushed[-1], str(argument)]
            else:
                pushed = [None, None]
    except (ValueError, EOFError, OverflowError, MemoryError):
        return names, False
    return names, True


def _dotted(module: str | None, name: str | None = None) -> str:
    if module is None or name is None:
        return "<computed name>"
    # Python 2 and pickle protocols below 3 call the module of built-in functions __builtin__.
    return f"{'builtins' if module == '__builtin__' else module}.{name}"


def refuse_code(*, pickle: bytes, origin: str) -> None:
    """Raise if one pickle would look up anything but :data:`HARMLESS_GLOBALS`.

    Raises:
        UnsafeCheckpointError: naming what it wanted; nothing was imported, called or built.
        CheckpointError: if the pickle is cut short or damaged.
    """
    _refuse(BytesIO(pickle), origin)


def refuse_code_in_legacy_file(*, content: bytes, origin: str) -> None:
    """The same for a file of torch before 1.6: five pickles in a row, then the raw numbers.

    Raises:
        UnsafeCheckpointError: as in :func:`refuse_code`.
        CheckpointError: if the file is cut short, or is a pickle that ``torch.save`` did not write.
    """
    first = BytesIO(content)
    _refuse(first, origin)
    head = content[: first.tell()]
    if not any(argument == _LEGACY_MAGIC for _, argument, _ in pickletools.genops(head)):
        raise CheckpointError(
            f"{origin}: this is a Python pickle that torch.save did not write; expected a file of "
            "torch.save(module.state_dict(), path). Save it again like that, or as .safetensors."
        )
    for _ in range(_LEGACY_PICKLES - 1):
        _refuse(first, origin)


def unsafe(*, names: list[str], origin: str) -> UnsafeCheckpointError:
    """The error for a file that wants ``names``; the caller raises it."""
    wanted = ", ".join(dict.fromkeys(names))
    return UnsafeCheckpointError(
        f"{origin}: to read this file, Python would have to look up and possibly run {wanted}; expected "
        "nothing but tensors and plain values. The file was refused and nothing ran. If you do not know "
        "who made it, delete it. If it is your own, save only the weights where it was made: "
        "safetensors.torch.save_file(module.state_dict(), 'weights.safetensors') or "
        "torch.save(module.state_dict(), 'weights.pt')."
    )


def _refuse(stream: BytesIO, origin: str) -> None:
    names, whole = wanted_globals(stream)
    refused = [name for name in names if name not in HARMLESS_GLOBALS]
    if refused:
        raise unsafe(names=refused, origin=origin)
    if not whole:
        raise CheckpointError(
            f"{origin}: the pickle in this file breaks off or is damaged at byte {stream.tell()}; expected "
            "a whole file of torch.save. Copy or save it again."
        )
