from ._reading import build_module, read_module, write_module
from ._refusals import ModuleArgument, ThetaArgument
from ._registry import register_module_reader

__all__ = [
    "ModuleArgument",
    "ThetaArgument",
    "build_module",
    "read_module",
    "register_module_reader",
    "write_module",
]
