"""What the fast backbone works out from the structure of a batch before it looks at parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import torch

from scalegmn.graph import Cache, Structure
from scalegmn.nn import ReadoutNeeds, TapBlock, tap_blocks
from scalegmn.nn.fast._arrangement import Arrangement
from scalegmn.nn.fast._steps import Step, steps_of


@final
@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What a plan depends on beside the structure.

    Attributes:
        symmetric: whether the groups of the neurons count.
        needs: what is read of the last layer.
        layers: of the metanetwork.
        bidirectional: messages also run backwards.
        whole: every layer reads all neurons, whatever is read of the last one.
    """

    symmetric: bool
    needs: ReadoutNeeds
    layers: int
    bidirectional: bool
    whole: bool = False


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """The order of nodes and edges, and the work of every layer.

    Attributes:
        steps: one per layer.
        blocks: edges by what their taps are.
    """

    steps: list[Step]
    blocks: list[TapBlock]

    @classmethod
    def from_structure(cls, structure: Structure, options: PlanOptions) -> Plan:
        """The plan for a structure; kept for the next batch that shares its tensors."""
        if torch.compiler.is_compiling():
            # Not as a decorator, which would import the whole compiler for those who compile nothing.
            return torch.compiler.disable(_kept_plan)(structure, options)
        return _kept_plan(structure, options)


def _kept_plan(structure: Structure, options: PlanOptions) -> Plan:
    return _PLANS.get(structure.tensors, options, lambda: _planned(structure, options))


def _planned(structure: Structure, options: PlanOptions) -> Plan:
    at = Arrangement(structure, symmetric=options.symmetric)
    steps = steps_of(
        at,
        options.needs,
        layers=options.layers,
        bidirectional=options.bidirectional,
        whole=options.whole,
    )
    return Plan(steps, tap_blocks(structure))


_PLANS: Final[Cache[Plan]] = Cache(limit=2**22)
"""Structures of about 700,000 edges together; a plan takes 300 to 500 bytes per edge."""
