"""Small ONNX files, and what the evaluator of the package onnx says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor

from scalegmn.programs import run_program
from scalegmn.programs.foldings import fold
from scalegmn.programs.onnx import OnnxNetwork, load_onnx

OPSET = 21
KINDS = {
    np.dtype("float64"): TensorProto.DOUBLE,
    np.dtype("float32"): TensorProto.FLOAT,
    np.dtype("int64"): TensorProto.INT64,
    np.dtype("bool"): TensorProto.BOOL,
}


@dataclass
class Graph:
    """A file that is being written.

    Attributes:
        opset: version of the operators.
    """

    opset: int = OPSET
    dtype: str = "float64"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    _numbers: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def input(self, name: str, shape: Sequence[int | str | None], dtype: str | None = None) -> str:
        kind = KINDS[np.dtype(dtype or self.dtype)]
        self.inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return name

    def weight(self, name: str, shape: Sequence[int], *, positive: bool = False) -> str:
        value = self._numbers.standard_normal(shape)
        return self.tensor(name, (np.abs(value) + 0.5 if positive else value).astype(self.dtype))

    def tensor(self, name: str, value: Any) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        number = len(self.nodes)
        names = [f"v{number}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=f"n{number}", **attributes))
        return names[0] if outputs == 1 else names

    def output(self, *names: str) -> None:
        self.outputs.extend(names)

    def model(self) -> onnx.ModelProto:
        outputs = [helper.make_value_info(name, onnx.TypeProto()) for name in self.outputs]
        graph = helper.make_graph(self.nodes, "graph", self.inputs, outputs, self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def save(self, folder: Path, name: str = "net.onnx") -> Path:
        path = folder / name
        onnx.save(self.model(), path)
        return path


def reference(path: Path, inputs: Mapping[str, np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """What the package onnx computes."""
    return list(ReferenceEvaluator(str(path)).run(None, dict(inputs)))


def drawn(network: OnnxNetwork, seed: int = 0) -> dict[str, Tensor]:
    """Random inputs: normal numbers; integers are 0 and 1."""
    numbers = torch.Generator().manual_seed(seed)
    found = {}
    for given in network.program.inputs:
        dtype = getattr(torch, given.type.dtype)
        if given.type.is_floating:
            found[given.name] = torch.randn(given.type.shape, generator=numbers, dtype=torch.float64).to(
                dtype
            )
        else:
            found[given.name] = torch.randint(2, given.type.shape, generator=numbers).to(dtype)
    return found


def answers(network: OnnxNetwork, inputs: Mapping[str, Tensor]) -> list[Tensor]:
    """What the program computes."""
    return list(run_program(network.program, fold(network.program, network.state), list(inputs.values())))


def check_same(
    path: Path, *, tolerance: float = 1e-12, sizes: Mapping[str, int] | None = None
) -> OnnxNetwork:
    """The program of a file answers what the package onnx answers."""
    network = load_onnx(path, sizes=sizes)
    inputs = drawn(network)
    expected = reference(path, {name: value.numpy() for name, value in inputs.items()})
    found = answers(network, inputs)
    assert len(found) == len(expected)
    for name, one, other in zip(
        (value.name for value in network.model.outputs), found, expected, strict=True
    ):
        assert tuple(one.shape) == other.shape, name
        np.testing.assert_allclose(one.numpy(), other, rtol=tolerance, atol=tolerance, err_msg=name)
    return network
