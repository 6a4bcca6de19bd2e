from ._building import Elementwise, Network, Shift, Sine
from ._reading import build_module, read_module, write_module
from ._refusals import ModuleArgument, ThetaArgument
from ._registry import Place, register_module_reader

__all__ = [
    "Elementwise",
    "ModuleArgument",
    "Network",
    "Place",
    "Shift",
    "Sine",
    "ThetaArgument",
    "build_module",
    "read_module",
    "register_module_reader",
    "write_module",
]
