"""What is said of a kind of node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from torch import Tensor

from ._call import OnnxCall

Compute: TypeAlias = Callable[[OnnxCall], Tensor | Sequence[Tensor]]


@final
@dataclass(frozen=True, kw_only=True)
class OnnxOperator:
    """An operator of ONNX.

    It is computed with operations of PyTorch, which tracing records: what is known of those, scales, signs
    and permutations, is thereby known of the operator.

    Attributes:
        name: in files.
        compute: its outputs from its inputs.
        weights: places of inputs that are parameters of a network wherever they are fixed numbers.
        statistics: places of inputs that are statistics, which are parameters that are not trained.
        settings: places of inputs that say how something is done, and are never parameters.
    """

    name: str
    compute: Compute
    weights: tuple[int, ...] = ()
    statistics: tuple[int, ...] = ()
    settings: tuple[int, ...] = ()
