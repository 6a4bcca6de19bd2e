"""Numbers that lie in a file beside an ONNX file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, final

from scalegmn.checkpoints import ITEM_SIZES, open_file
from scalegmn.errors import CheckpointError
from scalegmn.printable import NAME, printable

from ._checking import text_of, whole
from ._limits import EXTERNAL_REMEDY, KINDS


@final
class ExternalFiles:
    """The files beside an ONNX file: in its folder or below, never behind a link.

    Args:
        model: path of the ONNX file.
        allowed: whether they may be read.
        max_bytes: that may be read of them.
    """

    def __init__(self, model: Path, *, allowed: bool, max_bytes: int) -> None:
        self._folder = model.absolute().parent
        self._allowed = allowed
        self._left = max_bytes
        self._max_bytes = max_bytes

    def numbers(self, said: Mapping[str, Any], name: str) -> tuple[str, tuple[int, ...], bytes]:
        """Kind, shape and bytes of a tensor.

        Args:
            said: what the file says about the place of its numbers.
            name: of the tensor, for messages.

        Raises:
            CheckpointError: they may not be read, or are not there.
        """
        place = f"the initializer {printable(name, limit=NAME)}"
        location = text_of(said.get("location"))
        shown = printable(location, limit=NAME)
        if not self._allowed:
            raise CheckpointError(
                f"{place} lies in the other file {shown}, expected weights within the file; {EXTERNAL_REMEDY}"
            )
        kind = text_of(said.get("dtype"))
        shape = tuple(whole(size) for size in said.get("shape", ()))
        if kind not in KINDS.values():
            raise CheckpointError(f"{place} has numbers of an unknown kind; the file is damaged")
        size = math.prod(shape) * ITEM_SIZES[kind]
        if whole(said.get("length", size)) != size:
            raise CheckpointError(
                f"{place} takes {said['length']:,} bytes of {shown}, expected {size:,} for {kind} of the "
                f"shape {shape}; the file is damaged"
            )
        self._left -= size
        if self._left < 0:
            raise CheckpointError(
                f"the tensors have more than max_bytes={self._max_bytes:,}. If this is a single network, "
                "pass a larger max_bytes."
            )
        path = self._inside(location, place)
        return kind, shape, _part(path, whole(said.get("offset", 0)), size, place)

    def _inside(self, location: str, place: str) -> Path:
        """The path of a file in the folder of the model."""
        parts = PurePosixPath(location).parts
        strange = "\\" in location or "\0" in location or PureWindowsPath(location).drive
        if strange or not parts or PurePosixPath(location).is_absolute() or ".." in parts:
            raise CheckpointError(
                f"{place} lies in {printable(location, limit=NAME)}, expected a file in the folder of the "
                "ONNX file or below; do not load files that name others elsewhere"
            )
        path = self._folder
        for part in parts:
            path = path / part
            if path.is_symlink():
                raise CheckpointError(
                    f"{place} lies behind the link {printable(path, limit=NAME)}, expected a file in the "
                    "folder of the ONNX file itself; put a copy of the file in place of the link"
                )
        return path


def _part(path: Path, offset: int, size: int, place: str) -> bytes:
    shown = printable(path, limit=NAME)
    try:
        # Only a part of it is read, so its own size is no matter.
        file = open_file(path, max_bytes=2**62)
    except CheckpointError as error:
        raise CheckpointError(f"{place} lies in {shown}, and {error}") from error
    with file, open(file.descriptor, "rb", closefd=False) as stream:
        if offset + size > file.size:
            raise CheckpointError(
                f"{place} ends at byte {offset + size:,} of {shown}, which has {file.size:,}; copy that file "
                "again"
            )
        if not os.path.samestat(os.fstat(file.descriptor), os.lstat(path)):
            raise CheckpointError(f"{shown} became a link while it was read; put a copy of the file there")
        stream.seek(offset)
        content = stream.read(size)
    if len(content) != size:
        raise CheckpointError(f"{shown} changed while it was read; read it when it is complete")
    return content
