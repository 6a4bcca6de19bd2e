"""Where the parameters of an architecture stand in its graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from scalegmn.networks import CONSTANT, Role
from scalegmn.shapes import ParameterRows


@final
@dataclass(frozen=True, eq=False)
class GraphLayout:
    """The graph of an architecture apart from numbers, and which parameter each number is.

    Attributes:
        structure: the fields of the graph that hold no parameters, by name.
        tap_parameter: index in the flat vector of every tap, or CONSTANT, ``(T,)``.
        tap_reciprocal: which taps hold 1 divided by the parameter, ``(T,)``; None where none does.
        bias_parameter: index of every node's bias, or CONSTANT, ``(V,)``.
        value_parameter: index of the number of its activation, or CONSTANT, ``(V,)``.
        value: this number where it is constant, ``(V,)``.
        num_parameters: P.
    """

    structure: Mapping[str, Tensor]
    tap_parameter: Tensor
    tap_reciprocal: Tensor | None
    bias_parameter: Tensor
    value_parameter: Tensor
    value: Tensor
    num_parameters: int

    @property
    def num_nodes(self) -> int:
        """V."""
        return self.bias_parameter.numel()

    @property
    def num_edges(self) -> int:
        """E."""
        return self.structure["edge_type"].numel()

    @property
    def num_taps(self) -> int:
        """T."""
        return self.tap_parameter.numel()

    @property
    def num_products(self) -> int:
        """H."""
        return self.structure["product_index"].shape[1]

    @cached_property
    def inputs(self) -> int:
        """Input neurons."""
        return int((self.structure["node_role"] == int(Role.input)).sum())

    @cached_property
    def outputs(self) -> int:
        """Output neurons."""
        return int((self.structure["node_role"] == int(Role.output)).sum())

    @cached_property
    def hidden_layers(self) -> int:
        """Hidden layers."""
        hidden = self.structure["node_role"] == int(Role.hidden)
        return int(self.structure["node_layer"][hidden].max()) if bool(hidden.any()) else 0

    @cached_property
    def owned(self) -> Tensor:
        """Which parameters stand in the graph as they are, ``(P,)``; what nothing reads does not."""
        found = torch.zeros(self.num_parameters, dtype=torch.bool)
        for places in (self.value_parameter, self.bias_parameter, self._own_taps):
            found[places[places != CONSTANT]] = True
        return found

    @cached_property
    def _own_taps(self) -> Tensor:
        if self.tap_reciprocal is None:
            return self.tap_parameter
        return torch.where(self.tap_reciprocal, CONSTANT, self.tap_parameter)

    @cached_property
    def _repeats(self) -> bool:
        """Whether some parameter stands in several places."""
        places = torch.cat([self.value_parameter, self.bias_parameter, self._own_taps])
        places = places[places != CONSTANT]
        return torch.unique(places).numel() != places.numel()

    def read(self, taps: Tensor, biases: Tensor, values: Tensor) -> ParameterRows:
        """Parameters ``(B, P)`` from the numbers of a graph; 0 for those that do not stand in it.

        Args:
            taps: ``(B, T)``.
            biases: ``(B, V)``.
            values: ``(B, V)``.
        """
        theta = taps.new_zeros(taps.shape[0], self.num_parameters)
        for places, source in self._sources(taps, biases, values):
            theta = theta.index_copy(1, places, source)
        return theta

    def mean(self, taps: Tensor, biases: Tensor, values: Tensor) -> ParameterRows:
        """Read parameters as :meth:`read` does, averaging those that stand in several places."""
        if not self._repeats:
            return self.read(taps, biases, values)
        theta = taps.new_zeros(taps.shape[0], self.num_parameters)
        counts = taps.new_zeros(self.num_parameters)
        for places, source in self._sources(taps, biases, values):
            theta = theta.index_add(1, places, source)
            counts = counts.index_add(0, places, torch.ones_like(source[0]))
        return theta / counts.clamp_min(1)

    def _sources(self, taps: Tensor, biases: Tensor, values: Tensor) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self._kept(taps.device), (values, biases, taps), strict=True)
        return [(places, source.index_select(1, rows)) for (places, rows), source in pairs]

    def _kept(self, device: torch.device) -> list[tuple[Tensor, Tensor]]:
        """For values, biases and taps: the parameters that they are, and the rows that are parameters.

        Found once for each device, which would have to be waited for every time.
        """
        if device not in self._found:
            # What inference mode makes cannot be used by a later training.
            with torch.inference_mode(False):
                kinds = (self.value_parameter, self.bias_parameter, self._own_taps)
                rows = [torch.nonzero(places != CONSTANT).squeeze(1) for places in kinds]
                self._found[device] = [
                    (places[kept].to(device), kept.to(device))
                    for places, kept in zip(kinds, rows, strict=True)
                ]
        return self._found[device]

    @cached_property
    def _found(self) -> dict[torch.device, list[tuple[Tensor, Tensor]]]:
        """What :meth:`_kept` found, by device."""
        return {}
