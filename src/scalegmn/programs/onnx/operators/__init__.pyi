from ._call import OnnxCall
from ._operator import OnnxOperator
from ._table import ONNX_OPERATORS

__all__ = ["ONNX_OPERATORS", "OnnxCall", "OnnxOperator"]
