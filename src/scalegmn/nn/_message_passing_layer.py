"""What every message passing layer of a metanetwork is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from scalegmn.nn._neurons import SortedGraph
from scalegmn.nn._state import State


class MessagePassingLayer(nn.Module, ABC):
    """New features of all neurons and edges from the old ones; each tensor keeps its law."""

    @abstractmethod
    def forward(self, state: State, graph: SortedGraph) -> State:
        """Features to new features, without residual connection and dropout, which stand around it."""
