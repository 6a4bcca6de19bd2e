from ._network import OnnxNetwork, load_onnx

__all__ = ["OnnxNetwork", "load_onnx"]
