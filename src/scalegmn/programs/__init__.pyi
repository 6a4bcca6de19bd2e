from ._algebra import Algebra, HasShape
from ._architecture import ProgramArchitecture
from ._behavior import ABSOLUTE, EVEN, LINEAR, ODD, OPAQUE, RELU, Behavior, Parity, power
from ._examples import run_examples
from ._folding import Folding
from ._interpreting import ProgramAlgebra, interpret
from ._program import Argument, Constant, EffectiveParameter, Input, Instruction, Operand, Program, ValueType
from ._resizing import at_widths
from ._running import run_program, run_programs, watch_program
from ._weighed_values import weighed_values

__all__ = [
    "ABSOLUTE",
    "EVEN",
    "LINEAR",
    "ODD",
    "OPAQUE",
    "RELU",
    "Algebra",
    "Argument",
    "Behavior",
    "Constant",
    "EffectiveParameter",
    "Folding",
    "HasShape",
    "Input",
    "Instruction",
    "Operand",
    "Parity",
    "Program",
    "ProgramAlgebra",
    "ProgramArchitecture",
    "ValueType",
    "at_widths",
    "interpret",
    "power",
    "run_examples",
    "run_program",
    "run_programs",
    "watch_program",
    "weighed_values",
]
