"""ONNX files of strangers: whatever they hold, they are read as plain values or refused in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from scalegmn.checkpoints import read_state
from scalegmn.checkpoints.onnx import OnnxModel, read_onnx, write_onnx_like
from scalegmn.errors import CheckpointError

ZEROS = np.zeros((3, 2), dtype="float32")


def model(*nodes: onnx.NodeProto, tensors: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes or [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        tensors or [numpy_helper.from_array(ZEROS, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def saved(folder: Path, content: onnx.ModelProto | bytes) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def test_what_a_file_says(tmp_path: Path) -> None:
    nodes = (
        helper.make_node("Conv", ["x", "w", ""], ["y"], pads=[1, 0], alpha=0.1, auto_pad="VALID"),
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.arange(3))),
    )
    tensors = (
        numpy_helper.from_array(np.float16([1.5, -2.0]), "half"),
        helper.make_tensor("listed", TensorProto.FLOAT16, [2], [1.5, -2.0]),
        helper.make_tensor("double", TensorProto.DOUBLE, [2], [0.1, 0.2]),
        helper.make_tensor("small", TensorProto.INT8, [2], [-3, 4]),
        helper.make_tensor("truth", TensorProto.BOOL, [2], [True, False]),
        helper.make_tensor("brain", TensorProto.BFLOAT16, [1], [3.0]),
    )
    found = read_onnx(saved(tmp_path, model(*nodes, tensors=tensors)))
    assert found.opset == 21
    assert [(one.name, one.dtype, one.shape) for one in found.inputs] == [("x", "float32", ("batch", 3))]
    convolution, constant = found.nodes
    assert (convolution.operator, convolution.inputs, convolution.outputs) == ("Conv", ("x", "w", ""), ("y",))
    values = {name: (one.kind, one.value) for name, one in convolution.attributes.items()}
    assert values["pads"] == ("ints", (1, 0)) and values["auto_pad"] == ("text", "VALID")
    assert values["alpha"] == ("float", float(np.float32(0.1)))
    tensors_found = found.tensors()
    assert torch.equal(tensors_found["c"].value, torch.arange(3))
    assert constant.attributes["value"].kind == "tensor"
    for name in ("half", "listed"):
        assert torch.equal(tensors_found[name].value, torch.tensor([1.5, -2.0], dtype=torch.float16))
    assert torch.equal(tensors_found["double"].value, torch.tensor([0.1, 0.2], dtype=torch.float64))
    assert torch.equal(tensors_found["small"].value, torch.tensor([-3, 4], dtype=torch.int8))
    assert torch.equal(tensors_found["truth"].value, torch.tensor([True, False]))
    assert torch.equal(tensors_found["brain"].value, torch.tensor([3.0], dtype=torch.bfloat16))


def test_weights_are_replaced_where_they_lie(tmp_path: Path) -> None:
    # Two tensors of the same bytes, one as a list of numbers, and one in a node.
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(ZEROS))
    listed = helper.make_tensor("listed", TensorProto.FLOAT, [6], [0.0] * 6)
    tensors = (numpy_helper.from_array(ZEROS, "a"), listed, numpy_helper.from_array(ZEROS, "b"))
    path = saved(tmp_path, model(constant, helper.make_node("MatMul", ["x", "b"], ["y"]), tensors=tensors))
    new = {"b": torch.ones(3, 2), "listed": torch.arange(6.0), "c": torch.full((3, 2), 7.0)}
    write_onnx_like(tmp_path / "moved.onnx", read_onnx(path), new)
    moved = onnx.load(tmp_path / "moved.onnx")
    values = {one.name: numpy_helper.to_array(one) for one in moved.graph.initializer}
    values["c"] = numpy_helper.to_array(moved.graph.node[0].attribute[0].t)
    assert (values["a"] == 0).all() and (values["b"] == 1).all() and (values["c"] == 7).all()
    assert values["listed"].tolist() == [0, 1, 2, 3, 4, 5]
    for one in moved.graph.initializer:
        one.ClearField("raw_data")
        one.ClearField("float_data")
    assert moved.graph.input == onnx.load(path).graph.input


def test_a_copy_of_a_tensor_before_it_does_not_take_its_place(tmp_path: Path) -> None:
    """Its bytes stand in the name of the producer: what would be replaced there is not the weight."""
    content = model()
    content.producer_name = content.graph.initializer[0].SerializeToString().decode()
    found = read_onnx(saved(tmp_path, content))
    with pytest.raises(CheckpointError, match="so that w cannot be replaced by itself"):
        write_onnx_like(tmp_path / "moved.onnx", found, {"w": torch.ones(3, 2)})
    assert not (tmp_path / "moved.onnx").exists()


def test_writing_is_refused_where_it_would_be_wrong(tmp_path: Path) -> None:
    path = saved(tmp_path, model())
    found = read_onnx(path)
    out = tmp_path / "moved.onnx"
    with pytest.raises(CheckpointError, match="no tensor v"):
        write_onnx_like(out, found, {"v": torch.ones(1)})
    with pytest.raises(CheckpointError, match=r"has the shape \(3, 2\), and \(2, 3\)"):
        write_onnx_like(out, found, {"w": torch.ones(2, 3)})
    with pytest.raises(CheckpointError, match="not finite"):
        write_onnx_like(out, found, {"w": torch.full((3, 2), 1e300, dtype=torch.float64)})
    saved(tmp_path, model(tensors=(numpy_helper.from_array(ZEROS + 1, "w"),)))
    with pytest.raises(CheckpointError, match="has changed since it was read"):
        write_onnx_like(out, found, {"w": torch.ones(3, 2)})
    assert not out.exists()


def _external(location: str, **more: str) -> onnx.ModelProto:
    tensor = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[3, 2], data_location=TensorProto.EXTERNAL
    )
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    return model(tensors=(tensor,))


def test_other_files_are_read_if_they_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    numbers = np.arange(8, dtype="float32")
    (tmp_path / "below" / "weights.bin").write_bytes(numbers.tobytes())
    path = saved(tmp_path, _external("below/weights.bin", offset="8", length="24"))
    with pytest.raises(CheckpointError, match=r"lies in the other file below/weights.bin.*--external-data"):
        read_onnx(path)
    found = read_onnx(path, external_data=True)
    assert found.initializers["w"].value.flatten().tolist() == [2, 3, 4, 5, 6, 7]
    with pytest.raises(CheckpointError, match="has w in another file"):
        write_onnx_like(tmp_path / "moved.onnx", found, {"w": torch.ones(3, 2)})


@pytest.mark.parametrize(
    ("location", "more", "sentence"),
    [
        ("../secret.bin", {}, "expected a file in the folder of the ONNX file or below"),
        ("below/../../secret.bin", {}, "expected a file in the folder"),
        ("/etc/passwd", {}, "expected a file in the folder"),
        ("C:\\secret.bin", {}, "expected a file in the folder"),
        ("link.bin", {}, "lies behind the link"),
        ("linked/secret.bin", {}, "lies behind the link"),
        (".", {}, "expected a file in the folder"),
        ("below", {}, "this is a folder or a device"),
        ("missing.bin", {}, "there is no such file"),
        ("short.bin", {}, "ends at byte 24 .*, which has 4"),
        ("short.bin", {"offset": "9223372036854775807"}, "ends at byte"),
        ("short.bin", {"length": "4"}, "takes 4 bytes .* expected 24"),
        ("short.bin", {"offset": "-4"}, "says that its numbers lie in another file and not in which"),
        ("short.bin", {"offset": "many"}, "names no place in another file"),
        ("", {}, "and not in which"),
    ],
)
def test_other_files_are_never_outside_the_folder(
    tmp_path: Path, location: str, more: dict[str, str], sentence: str
) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(24))
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "short.bin").write_bytes(bytes(4))
    os.symlink(tmp_path / "secret.bin", folder / "link.bin")
    os.symlink(tmp_path, folder / "linked")
    with pytest.raises(CheckpointError, match=sentence):
        read_onnx(saved(folder, _external(location, **more)), external_data=True)


def _subgraph(depth: int) -> onnx.ModelProto:
    graph = model().graph
    for _ in range(depth):
        branch = helper.make_node("If", ["x"], ["y"], name="choice", then_branch=graph, else_branch=graph)
        graph = helper.make_graph([branch], "graph", [], list(model().graph.output))
    return helper.make_model(graph)


def _nested(depth: int) -> bytes:
    """Graphs within graphs, written by hand: the package cannot write as many."""

    def field(number: int, content: bytes) -> bytes:
        length, parts = len(content), []
        while length > 0x7F:
            parts.append(length & 0x7F | 0x80)
            length >>= 7
        return bytes([number << 3 | 2, *parts, length]) + content

    content = b""
    for _ in range(depth):
        # A graph in an attribute in a node.
        content = field(1, field(5, field(6, content)))
    return b"\x08\x0a" + field(7, content)


def _with(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    content = model()
    change(content)
    return content


def _tensor(**fields: object) -> onnx.ModelProto:
    return model(tensors=(TensorProto(name="w", **fields),))  # type: ignore[arg-type]


F4 = TensorProto.FLOAT
HOSTILE: dict[str, tuple[onnx.ModelProto | bytes, str]] = {
    "cut short": (model().SerializeToString()[:-9], "was cut short"),
    "something else": (b"\x80\x02}q\x00." * 9, "no ONNX model"),
    "a text": (b"hello world, this is no model", "no ONNX model"),
    "nothing in it": (onnx.ModelProto(ir_version=9).SerializeToString(), "names no operators or no outputs"),
    "a branch": (_subgraph(1), r"node choice \(If\) holds a graph of its own"),
    "branches in branches": (_subgraph(5), r"node choice \(If\) holds a graph of its own"),
    "very deep": (_nested(5000), "nested too deeply"),
    "an operator of others": (
        model(helper.make_node("FusedGemm", ["x", "w"], ["y"], name="fused", domain="com.microsoft")),
        r"node fused \(FusedGemm\) uses an operator of com.microsoft",
    ),
    "giant sizes": (_tensor(dims=[2**30, 2**30], data_type=F4), "more than max_bytes"),
    "sizes beyond all bounds": (_tensor(dims=[2**62], data_type=F4), "expected at most 16 sizes from 0"),
    "sizes below 0": (_tensor(dims=[-1], data_type=F4), "expected at most 16 sizes from 0"),
    "many axes": (_tensor(dims=[1] * 70, data_type=F4, raw_data=bytes(4)), "expected at most 16 sizes"),
    "fewer numbers": (_tensor(dims=[3, 2], data_type=F4, raw_data=bytes(20)), "has 20 bytes, expected 24"),
    "numbers twice": (
        _tensor(dims=[1], data_type=F4, raw_data=bytes(4), float_data=[1.0]),
        "has its numbers in float_data and raw_data",
    ),
    "numbers of another kind": (
        _tensor(dims=[1], data_type=F4, int32_data=[1]),
        "has its numbers in int32_data",
    ),
    "no kind": (_tensor(dims=[1], raw_data=bytes(4)), "of the kind 0 of ONNX"),
    "an unknown kind": (_tensor(dims=[1], data_type=99, raw_data=bytes(4)), "of the kind 99 of ONNX"),
    "texts": (_tensor(dims=[1], data_type=TensorProto.STRING, string_data=[b"a"]), "of the kind 8"),
    "no truth": (_tensor(dims=[1], data_type=TensorProto.BOOL, raw_data=b"\x07"), "truth values other than"),
    "large bytes": (
        _tensor(dims=[1], data_type=TensorProto.INT8, int32_data=[999]),
        "holds 999, which is no int8",
    ),
    "a segment": (
        _tensor(dims=[1], data_type=F4, raw_data=bytes(4), segment=TensorProto.Segment(begin=0, end=1)),
        "is a segment of a tensor",
    ),
    "a name twice": (
        model(tensors=(numpy_helper.from_array(ZEROS, "w"), numpy_helper.from_array(ZEROS, "w"))),
        "the initializer w is given twice",
    ),
    "a long name": (model(tensors=(numpy_helper.from_array(ZEROS, "w" * 2000),)), "of 2,000 characters"),
    "two versions": (
        _with(lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 20))),
        "2 versions of the operators",
    ),
    "sparse": (
        _with(lambda m: m.graph.sparse_initializer.add()),
        "holds sparse initializers",
    ),
    "a sequence": (
        _with(lambda m: m.graph.input.add(name="s").type.sequence_type.elem_type.tensor_type.SetInParent()),
        "the value s is a sequence_type",
    ),
    "a long list": (
        model(helper.make_node("Conv", ["x", "w"], ["y"], pads=[0] * 5000)),
        "5,000 numbers in the attribute pads",
    ),
    "an attribute twice": (
        _with(lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("a", 1)] * 2)),
        "has the attribute a twice",
    ),
    "many inputs": (model(helper.make_node("Sum", ["x"] * 5000, ["y"], name="s")), r"5,000 inputs of node s"),
    "a name that is no text": (
        model(helper.make_node("MatMul", ["x", "QQQQ"], ["y"]))
        .SerializeToString()
        .replace(b"QQQQ", b"\xff\xfe\xff\xfe"),
        "has a name that is no text",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sentence_for_each(tmp_path: Path, name: str) -> None:
    content, sentence = HOSTILE[name]
    path = saved(tmp_path, content)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_onnx(path)
    assert str(caught.value).startswith(str(path))


def test_functions_of_the_file_are_named(tmp_path: Path) -> None:
    content = model(helper.make_node("Mine", ["x", "w"], ["y"], name="call", domain="mine"))
    content.functions.append(
        helper.make_function(
            "mine", "Mine", ["a", "b"], ["c"], [helper.make_node("MatMul", ["a", "b"], ["c"])], []
        )
    )
    with pytest.raises(CheckpointError, match=r"node call \(Mine\) .*inline_local_functions"):
        read_onnx(saved(tmp_path, content))


def test_a_file_may_not_be_larger_than_is_allowed(tmp_path: Path) -> None:
    path = saved(tmp_path, model())
    assert isinstance(read_onnx(path, max_bytes=path.stat().st_size), OnnxModel)
    with pytest.raises(CheckpointError, match="more than max_bytes"):
        read_onnx(path, max_bytes=path.stat().st_size - 1)


def test_it_is_no_checkpoint(tmp_path: Path) -> None:
    """Tensors alone say nothing of a network that has its operations beside them."""
    with pytest.raises(CheckpointError, match="an ONNX model"):
        read_state(saved(tmp_path, model()))


def test_without_the_package_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"pip install 'scalegmn\[onnx\]'"):
        read_onnx(saved(tmp_path, model()))
