"""What every message passing layer of a metanetwork is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from scalegmn.nn.state import State
from scalegmn.nn.steps import Step


class Layer(nn.Module, ABC):
    """Maps a state to a state; each tensor keeps its law."""

    @abstractmethod
    def forward(self, state: State, step: Step) -> State:
        """Features of all that `step` reads to features of what it writes."""
