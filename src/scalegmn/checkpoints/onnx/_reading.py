"""Reading an ONNX file."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from scalegmn.checkpoints import DEFAULT_MAX_BYTES, FileContents, RawTensor
from scalegmn.checkpoints.worker import Decoder, Reader, ReadLimits
from scalegmn.errors import CheckpointError

from ._checking import node_of, said_by, text_of, value_of, whole
from ._external import ExternalFiles
from ._model import OnnxModel, OnnxTensor, torch_kind

ONNX: Final = Decoder(
    entry="from scalegmn.checkpoints.onnx._child import main; main()",
    packages=("onnx", "google.protobuf", "ml_dtypes", "typing_extensions"),
)
"""The worker that parses ONNX files."""


def read_onnx(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    external_data: bool = False,
    reader: Reader | None = None,
) -> OnnxModel:
    """What an ONNX file says.

    The file is parsed by a confined worker.  Nothing that it holds runs, and other files are read only if
    they are allowed.

    Args:
        path: of the file.
        max_bytes: that the file may have, and that its tensors may have together.
        external_data: whether weights may lie in other files: in the folder of this one or below, and not
            behind links.
        reader: of ONNX files; by default that of this process.

    Raises:
        CheckpointError: the file cannot be read, or holds what is not read: graphs within nodes, functions,
            operators of others than ONNX, texts, quantized numbers.
    """
    if importlib.util.find_spec("onnx") is None:
        raise CheckpointError(
            f"{os.fspath(path)}: reading an ONNX file takes the package onnx, which is not installed; "
            "install it with pip install 'scalegmn[onnx]'"
        )
    found = (reader or onnx_reader()).read(path, max_bytes=max_bytes)
    external = ExternalFiles(Path(path), allowed=external_data, max_bytes=max_bytes)
    try:
        return _model(found, external, origin=os.fspath(path))
    except CheckpointError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error


@cache
def onnx_reader() -> Reader:
    """The reader of this process for ONNX files, with a new worker for each.

    Parsing is done by a library in C, in whose memory a file might leave something for the next one.
    """
    return Reader(workers=1, decoder=ONNX, limits=ReadLimits(files_per_worker=1))


def _model(found: FileContents, external: ExternalFiles, *, origin: str) -> OnnxModel:
    parts = _parts(found)
    tensors = {
        number: _tensor(number, said, parts["tensor"], external) for number, said in parts["about"].items()
    }
    initializers: dict[str, OnnxTensor] = {}
    for tensor in tensors.values():
        if tensor.name in initializers:
            raise CheckpointError(
                f"the initializer {tensor.name} is given twice, expected a name of its own for each; the "
                "file is damaged"
            )
        if tensor.name:
            initializers[tensor.name] = tensor
    inputs = (value_of(text) for text in parts["input"].values())
    return OnnxModel(
        opset=whole(said_by(parts["model"].get(0), ("opset",))["opset"]),
        # Older files list initializers among the inputs.
        inputs=tuple(value for value in inputs if value.name not in initializers),
        outputs=tuple(value_of(text) for text in parts["output"].values()),
        nodes=tuple(node_of(text, number, tensors) for number, text in parts["node"].items()),
        initializers=initializers,
        origin=origin,
        sha256=found.sha256,
        size=found.size,
    )


def _parts(found: FileContents) -> dict[str, dict[int, Any]]:
    """Values by the kind of entry and number; the model is the only one of its kind."""
    parts: dict[str, dict[int, Any]] = {
        kind: {} for kind in ("model", "input", "output", "node", "tensor", "about")
    }
    for entry in found.contents.entries:
        kind, number = (*entry.path, 0)[:2]
        if kind not in parts or not isinstance(number, int) or number in parts[str(kind)]:
            raise CheckpointError("its reader answered something that no reader says: do not load it")
        parts[str(kind)][number] = entry.value
    return parts


def _tensor(number: int, said: object, raw: Mapping[int, object], external: ExternalFiles) -> OnnxTensor:
    about = said_by(said, ("name", "offset", "external"))
    name = text_of(about["name"])
    if about["external"] is not None:
        place = about["external"]
        if not isinstance(place, dict):
            raise CheckpointError("its reader answered something that no reader says: do not load it")
        kind, shape, data = external.numbers(place, name)
        return OnnxTensor(name, _numbers(kind, shape, data), external=True)
    tensor = raw.get(number)
    if not isinstance(tensor, RawTensor):
        raise CheckpointError("its reader answered something that no reader says: do not load it")
    offset = None if about["offset"] is None else whole(about["offset"])
    return OnnxTensor(name, _numbers(tensor.dtype, tensor.shape, tensor.data), offset=offset)


def _numbers(kind: str, shape: tuple[int, ...], data: Any) -> Tensor:
    content = memoryview(data).cast("B")
    if not content.nbytes:
        return torch.empty(shape, dtype=torch_kind(kind))
    return torch.frombuffer(bytearray(content), dtype=torch_kind(kind)).reshape(shape)
