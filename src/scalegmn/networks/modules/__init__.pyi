from ._reading import build_module, read_module, write_module
from ._registry import register_module_reader

__all__ = ["build_module", "read_module", "register_module_reader", "write_module"]

# For other rooms of the house; no promise is made about these.
from ._building import Elementwise as Elementwise
from ._building import Network as Network
from ._building import ShiftModule as ShiftModule
from ._building import Sine as Sine
from ._checks import check_forward as check_forward
from ._checks import check_global_hooks as check_global_hooks
from ._checks import check_values as check_values
from ._refusals import ModuleArgument as ModuleArgument
from ._refusals import ThetaArgument as ThetaArgument
from ._refusals import no_module as no_module
from ._registry import ModulePosition as ModulePosition
