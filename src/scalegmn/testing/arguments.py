"""Types of what users hand over.

Checks of annotations let everything pass, so that errors can say what to do about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from scalegmn.networks import Architecture

Model = Callable[..., object]
"""A metanetwork: a module, or any function."""

if TYPE_CHECKING:
    ModelArgument = Model
    TensorsArgument = Sequence[Tensor]
    StatesArgument = Sequence[Mapping[str, Tensor]]
    ModulesArgument = Sequence[nn.Module]
    PairsArgument = Sequence[tuple[Architecture, Tensor]]
else:
    ModelArgument = TensorsArgument = StatesArgument = ModulesArgument = PairsArgument = object
