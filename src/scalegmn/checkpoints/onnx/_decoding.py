"""The worker's side: from the bytes of a file to everything that it says, as texts and raw numbers.

What is not read is refused here: graphs within nodes, functions, operators of others, sparse tensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, final

from google.protobuf.message import DecodeError

# Only the messages: the parser needs neither the checker nor the operators of the package.
from onnx.onnx_ml_pb2 import AttributeProto, ModelProto, TensorProto

from scalegmn.checkpoints import Contents, ContentsEntry
from scalegmn.errors import CheckpointError

from ._limits import (
    EXTERNAL_REMEDY,
    KINDS,
    LARGEST_SIZE,
    LONGEST_NAME,
    MOST_ATTRIBUTES,
    MOST_AXES,
    MOST_NODES,
    MOST_NUMBERS,
    MOST_TENSORS,
    MOST_VALUES,
)
from ._numbers import Offsets, kind_of_tensor, numbers_of, shown

_DOMAINS: Final = ("", "ai.onnx")
"""Names of ONNX's own set of operators."""


def decode_onnx(content: bytes, *, max_bytes: int, confined: bool) -> Contents:
    """Everything that a file says, as entries of texts (JSON) and tensors.

    Args:
        content: the whole file.
        max_bytes: that its tensors may have together.
        confined: whether other libraries than protobuf may be used, which are not needed.

    Raises:
        CheckpointError: it is no ONNX file, is damaged or too large, or holds what is not read.
    """
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise CheckpointError(
            "this is no ONNX model, or it was cut short or nested too deeply, expected what onnx.save "
            "writes; copy or export it again"
        ) from error
    if not model.opset_import or not model.HasField("graph") or not model.graph.output:
        raise CheckpointError(
            "this is no ONNX model: it names no operators or no outputs, expected what onnx.save writes; "
            "export it again"
        )
    try:
        return _Decoder(model, content, max_bytes=max_bytes).contents()
    except UnicodeDecodeError as error:
        raise CheckpointError("a text in the file is none (UTF-8); the file is damaged") from error


@final
class _Decoder:
    """One file.

    Args:
        model: the parsed message.
        content: what it was parsed from.
        max_bytes: that its tensors may have together.
    """

    def __init__(self, model: Any, content: bytes, *, max_bytes: int) -> None:
        self._model = model
        self._content = content
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._entries: list[ContentsEntry] = []
        self._tensors = 0

    def contents(self) -> Contents:
        """Entries: one for the model, each input, output, node and tensor, and one about each tensor."""
        graph = self._model.graph
        _at_most(graph.node, MOST_NODES, "nodes")
        _at_most(graph.initializer, MOST_TENSORS, "initializers")
        if graph.sparse_initializer:
            raise CheckpointError(
                "the file holds sparse initializers, expected dense ones; write them as dense tensors"
            )
        self._tell(("model",), {"opset": self._opset()})
        for what, values in (("input", graph.input), ("output", graph.output)):
            _at_most(values, MOST_VALUES, f"{what}s")
            for number, value in enumerate(values):
                self._tell((what, number), _value(value))
        offsets = Offsets(self._content)
        for tensor in graph.initializer:
            place = f"initializer {shown(tensor.name)}"
            self._tensor(tensor, name=_text(tensor.name, place), place=place, offset=offsets.of)
        of_nodes = Offsets(self._content)
        functions = {function.name for function in self._model.functions}
        for number, node in enumerate(graph.node):
            self._tell(("node", number), self._node(node, number, functions, of_nodes.of))
        return Contents(format="onnx", entries=tuple(self._entries))

    def _tell(self, path: tuple[str | int, ...], value: object) -> None:
        self._entries.append(ContentsEntry(path=path, value=json.dumps(value)))

    def _opset(self) -> int:
        versions = [one.version for one in self._model.opset_import if one.domain in _DOMAINS]
        if len(versions) != 1:
            raise CheckpointError(
                f"the file names {len(versions)} versions of the operators of ONNX, expected one; export it "
                "again"
            )
        return int(versions[0])

    def _tensor(self, tensor: Any, *, name: str, place: str, offset: Callable[[Any], int | None]) -> int:
        """Write a tensor down; its number."""
        number, self._tensors = self._tensors, self._tensors + 1
        if number >= MOST_TENSORS:
            raise CheckpointError(f"the file holds more than {MOST_TENSORS:,} tensors, expected fewer")
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            about = {"name": name, "offset": None, "external": _external(tensor, place)}
            self._tell(("about", number), about)
            return number
        raw = numbers_of(tensor, place, max_bytes=self._max_bytes)
        self._left -= raw.nbytes
        if self._left < 0:
            raise CheckpointError(
                f"the tensors have more than max_bytes={self._max_bytes:,}. If this is a single network, "
                "pass a larger max_bytes."
            )
        self._tell(("about", number), {"name": name, "offset": offset(tensor), "external": None})
        self._entries.append(ContentsEntry(path=("tensor", number), value=raw))
        return number

    def _node(
        self, node: Any, number: int, functions: set[str], offset: Callable[[Any], int | None]
    ) -> dict[str, object]:
        place = f"node {shown(node.name) or number} ({shown(node.op_type)})"
        if node.domain not in _DOMAINS or node.overload or node.op_type in functions:
            remedy = (
                "put its function in its place with onnx.inliner.inline_local_functions"
                if node.op_type in functions
                else "export the network with the operators of ONNX alone"
            )
            raise CheckpointError(
                f"{place} uses an operator of {shown(node.domain) or 'a function of the file'}, expected one "
                f"of ONNX itself; {remedy}"
            )
        _at_most(node.input, MOST_VALUES, f"inputs of {place}")
        _at_most(node.output, MOST_VALUES, f"outputs of {place}")
        _at_most(node.attribute, MOST_ATTRIBUTES, f"attributes of {place}")
        attributes: dict[str, object] = {}
        for one in node.attribute:
            name = _text(one.name, place)
            if name in attributes:
                raise CheckpointError(f"{place} has the attribute {shown(name)} twice; the file is damaged")
            attributes[name] = self._attribute(one, place, offset)
        return {
            "name": _text(node.name, place),
            "operator": _text(node.op_type, place),
            "inputs": [_text(name, place) for name in node.input],
            "outputs": [_text(name, place) for name in node.output],
            "attributes": attributes,
        }

    def _attribute(
        self, attribute: Any, place: str, offset: Callable[[Any], int | None]
    ) -> dict[str, object]:
        name = shown(attribute.name)
        where = f"the attribute {name} of {place}"
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise CheckpointError(
                f"{place} holds a graph of its own ({name}), which chooses or repeats what is computed, "
                "expected nodes in a fixed order; export the network without loops and branches"
            )
        read = _PLAIN.get(attribute.type)
        if read is not None:
            kind, plain = read
            return {kind: plain(attribute, where)}
        if attribute.type != AttributeProto.TENSOR or not attribute.HasField("t"):
            raise CheckpointError(
                f"{where} is of the kind {attribute.type} of ONNX, expected numbers, texts or a tensor; "
                "export the network again"
            )
        return {"tensor": self._tensor(attribute.t, name="", place=where, offset=offset)}


def _int(attribute: Any, place: str) -> int:
    return int(attribute.i)


def _ints(attribute: Any, place: str) -> list[int]:
    _at_most(attribute.ints, MOST_NUMBERS, f"numbers in {place}")
    return list(map(int, attribute.ints))


# Exact, and with words for what JSON has none for.
def _float(attribute: Any, place: str) -> str:
    return float(attribute.f).hex()


def _floats(attribute: Any, place: str) -> list[str]:
    _at_most(attribute.floats, MOST_NUMBERS, f"numbers in {place}")
    return [float(value).hex() for value in attribute.floats]


def _string(attribute: Any, place: str) -> str:
    return _text(attribute.s.decode("utf-8"), place)


def _strings(attribute: Any, place: str) -> list[str]:
    _at_most(attribute.strings, MOST_NUMBERS, f"texts in {place}")
    return [_text(value.decode("utf-8"), place) for value in attribute.strings]


_PLAIN: Final = {
    AttributeProto.INT: ("int", _int),
    AttributeProto.INTS: ("ints", _ints),
    AttributeProto.FLOAT: ("float", _float),
    AttributeProto.FLOATS: ("floats", _floats),
    AttributeProto.STRING: ("text", _string),
    AttributeProto.STRINGS: ("texts", _strings),
}


def _value(value: Any) -> dict[str, object]:
    """Name, kind and shape of an input or an output."""
    place = f"the value {shown(value.name)}"
    name = _text(value.name, place)
    if value.type.WhichOneof("value") not in (None, "tensor_type"):
        raise CheckpointError(
            f"{place} is a {value.type.WhichOneof('value')}, expected a tensor; export a network whose "
            "inputs and outputs are tensors"
        )
    tensor = value.type.tensor_type
    shape: list[int | str] | None = None
    if tensor.HasField("shape"):
        if len(tensor.shape.dim) > MOST_AXES:
            raise CheckpointError(f"{place} has more than {MOST_AXES} axes; the file is damaged")
        shape = [_size(axis, place) for axis in tensor.shape.dim]
    return {"name": name, "dtype": KINDS.get(tensor.elem_type), "shape": shape}


def _size(axis: Any, place: str) -> int | str:
    if axis.WhichOneof("value") != "dim_value":
        return _text(axis.dim_param, place)
    if not 0 <= axis.dim_value <= LARGEST_SIZE:
        raise CheckpointError(
            f"{place} has an axis of size {axis.dim_value:,}, expected 0 to {LARGEST_SIZE:,}; the file is "
            "damaged"
        )
    return int(axis.dim_value)


def _external(tensor: Any, place: str) -> dict[str, object]:
    """Where the numbers lie that are in another file."""
    kind, shape = kind_of_tensor(tensor, place)
    said = {one.key: _text(one.value, place) for one in tensor.external_data}
    try:
        numbers = {key: int(said[key]) for key in ("offset", "length") if key in said}
    except ValueError as error:
        raise CheckpointError(f"{place} names no place in another file; the file is damaged") from error
    if not said.get("location") or any(value < 0 for value in numbers.values()):
        raise CheckpointError(
            f"{place} says that its numbers lie in another file and not in which, expected a location; "
            f"{EXTERNAL_REMEDY}"
        )
    return {"location": said["location"], "dtype": kind, "shape": list(shape), **numbers}


def _text(value: str | bytes, place: str) -> str:
    # The parser gives what is no text as it is.
    if isinstance(value, bytes):
        raise CheckpointError(f"{place} has a name that is no text (UTF-8); the file is damaged")
    if len(value) > LONGEST_NAME:
        raise CheckpointError(
            f"{place} has a name or a text of {len(value):,} characters, expected at most "
            f"{LONGEST_NAME:,}; export the network again"
        )
    return value


def _at_most(values: Sequence[Any] | Iterable[Any], most: int, what: str) -> None:
    count = len(values)  # type: ignore[arg-type]
    if count > most:
        raise CheckpointError(
            f"the file has {count:,} {what}, expected at most {most:,}; export a smaller network"
        )
