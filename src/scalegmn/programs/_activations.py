"""Which activations a program has, under the names that lists of layers have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scalegmn.programs._program import Program

_KINDS: Final[Mapping[str, str]] = {
    "aten.relu.default": "relu",
    "aten.leaky_relu.default": "leaky_relu",
    "aten.tanh.default": "tanh",
    "aten.atan.default": "arctan",
    "aten.erf.default": "erf",
    "aten.sin.default": "sine",
    "aten.sigmoid.default": "sigmoid",
    "aten.gelu.default": "gelu",
    "aten.silu.default": "silu",
    "aten.elu.default": "elu",
    "aten.selu.default": "selu",
    "aten.softplus.default": "softplus",
}
_SIGMOID: Final = "aten.sigmoid.default"
_PRODUCT: Final = "aten.mul.Tensor"


def activations_in(program: Program) -> tuple[str, ...]:
    """Kinds of its activations, in the order of the instructions; a value times its own sigmoid is SiLU."""
    written = len(program.types()) - sum(len(one.outputs) for one in program.instructions)
    found: dict[int, str] = {}
    gated: dict[int, int] = {}
    for one in program.instructions:
        operands = [operand.index for operand in one.operands()]
        if one.operation in _KINDS:
            found[written] = _KINDS[one.operation]
        if one.operation == _SIGMOID:
            gated[written] = operands[0]
        if one.operation == _PRODUCT:
            for gate in operands:
                if gate in gated and gated[gate] in operands:
                    found[gate] = "silu"
        written += len(one.outputs)
    return tuple(found.values())
