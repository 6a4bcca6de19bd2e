"""What every message passing layer of a metanetwork is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.state import State


class Layer(nn.Module, ABC):
    """Maps a state to a state; each tensor keeps its law."""

    @abstractmethod
    def forward(self, state: State, at: Arrangement) -> State:
        """New features from old ones."""
