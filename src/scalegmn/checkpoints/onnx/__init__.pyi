from ._model import OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue
from ._reading import read_onnx
from ._writing import write_onnx_like

__all__ = [
    "OnnxAttribute",
    "OnnxModel",
    "OnnxNode",
    "OnnxTensor",
    "OnnxValue",
    "read_onnx",
    "write_onnx_like",
]
