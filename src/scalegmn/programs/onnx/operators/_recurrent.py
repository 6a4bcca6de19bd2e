"""Recurrent layers, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import torch
from torch import Tensor

from ._call import OnnxCall
from ._operator import OnnxOperator

Function: TypeAlias = Callable[[Tensor], Tensor]

MOST_STEPS: Final = 1024
"""Of a sequence: each is written by itself."""
_FUNCTIONS: Final[dict[str, Function]] = {"Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Relu": torch.relu}


@final
@dataclass(frozen=True, kw_only=True)
class RecurrentDirection:
    """What one direction of a layer is made of.

    Attributes:
        given: what the gates are told by the input, for each step.
        recurrent: matrix from the state to the gates.
        bias: of that.
        functions: of the gates, as the file names them.
        linear_first: whether a reset gate acts behind the matrix.
    """

    given: Tensor
    recurrent: Tensor
    bias: Tensor
    functions: tuple[Function, ...]
    linear_first: bool

    def gates(self, state: Tensor) -> Tensor:
        """What they are told by the state."""
        return state @ self.recurrent.t() + self.bias


NextState: TypeAlias = Callable[[RecurrentDirection, Tensor, Sequence[Tensor]], tuple[Tensor, ...]]
"""From what the gates are told by one input, and the state, to the next state."""


def _plain(layer: RecurrentDirection, given: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return (layer.functions[0](given + layer.gates(state[0])),)


def _long_short(layer: RecurrentDirection, given: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
    hidden, cell = state
    entering, leaving, forgetting, new = (given + layer.gates(hidden)).chunk(4, dim=-1)
    gate, inner, outer = layer.functions
    cell = gate(forgetting) * cell + gate(entering) * inner(new)
    return gate(leaving) * outer(cell), cell


def _gated(layer: RecurrentDirection, given: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
    (hidden,) = state
    gate, inner = layer.functions
    size = hidden.shape[-1]
    keep, reset = (given[..., : 2 * size] + layer.gates(hidden)[..., : 2 * size]).chunk(2, dim=-1)
    keep, reset = gate(keep), gate(reset)
    if layer.linear_first:
        told = reset * layer.gates(hidden)[..., 2 * size :]
    else:
        told = layer.gates(reset * hidden)[..., 2 * size :]
    new = inner(given[..., 2 * size :] + told)
    return ((1.0 - keep) * new + keep * hidden,)


@final
@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """A kind of layer.

    Attributes:
        gates: how many matrices lie in one.
        states: how many tensors the state has.
        functions: where the file names none.
        step: from one state to the next.
    """

    gates: int
    states: int
    functions: tuple[str, ...]
    step: NextState

    def __call__(self, call: OnnxCall) -> list[Tensor]:
        """All states in order, and the last ones."""
        x, weight = call.tensor(0), call.tensor(1)
        _check(call, x)
        ways = {"forward": (1,), "reverse": (-1,), "bidirectional": (1, -1)}
        call.only("direction", *ways, default="forward")
        hidden, last = [], []
        for number, way in enumerate(ways[call.text("direction", "forward")]):
            layer = self._direction(call, x, number)
            state = self._start(call, x, number, size=weight.shape[1] // self.gates)
            written = []
            for time in range(x.shape[0])[::way]:
                state = self.step(layer, layer.given[time], state)
                written.append(state[0])
            hidden.append(torch.stack(written[::way]))
            last.append(state)
        return [torch.stack(hidden, dim=1), *(torch.stack(parts) for parts in zip(*last, strict=True))]

    def _direction(self, call: OnnxCall, x: Tensor, number: int) -> RecurrentDirection:
        weight, recurrent, bias = call.tensor(1)[number], call.tensor(2)[number], call.optional(3)
        rows = recurrent.shape[0]
        zeros = torch.zeros(2 * rows, dtype=x.dtype)
        of_input, of_state = (zeros if bias is None else bias[number]).split(rows)
        names = list(call.setting("activations")) if call.has("activations") else []
        names = (names or list(self.functions) * 2)[number * len(self.functions) :][: len(self.functions)]
        if len(names) != len(self.functions) or not set(names) <= set(_FUNCTIONS):
            raise call.unsupported(
                f"has activations={names}", f"{len(self.functions)} of {', '.join(_FUNCTIONS)}"
            )
        return RecurrentDirection(
            given=x @ weight.t() + of_input,
            recurrent=recurrent,
            bias=of_state,
            functions=tuple(_FUNCTIONS[name] for name in names),
            linear_first=bool(call.integer("linear_before_reset", 0)),
        )

    def _start(self, call: OnnxCall, x: Tensor, number: int, *, size: int) -> tuple[Tensor, ...]:
        given = (call.optional(5 + place) for place in range(self.states))
        zeros = torch.zeros((x.shape[1], size), dtype=x.dtype)
        return tuple(zeros if state is None else state[number] for state in given)


def _check(call: OnnxCall, x: Tensor) -> None:
    call.only("layout", 0, default=0)
    call.only("input_forget", 0, default=0)
    if call.has("clip") or call.given(7):
        raise call.unsupported("has a bound of its gates or weights of its peepholes", "neither")
    if not 1 <= x.shape[0] <= MOST_STEPS:
        raise call.unsupported(f"has {x.shape[0]:,} steps", f"1 to {MOST_STEPS:,}")
    if call.given(4) and set(call.ints(4)) != {x.shape[0]}:
        raise call.unsupported("has sequences of different lengths", "all steps of each")


OPERATORS: Final = (
    OnnxOperator(
        name="RNN",
        compute=Recurrent(gates=1, states=1, functions=("Tanh",), step=_plain),
        weights=(1, 2, 3),
    ),
    OnnxOperator(
        name="GRU",
        compute=Recurrent(gates=3, states=1, functions=("Sigmoid", "Tanh"), step=_gated),
        weights=(1, 2, 3),
    ),
    OnnxOperator(
        name="LSTM",
        compute=Recurrent(gates=4, states=2, functions=("Sigmoid", "Tanh", "Tanh"), step=_long_short),
        weights=(1, 2, 3),
    ),
)
