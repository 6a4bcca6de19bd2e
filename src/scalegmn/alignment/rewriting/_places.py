"""Where neurons can be added to an architecture."""

from __future__ import annotations

from functools import singledispatch

from scalegmn.networks import Architecture, LayeredArchitecture
from scalegmn.programs import ProgramArchitecture

from ._addable import NeuronPlace
from ._channels import channel_places
from ._neurons import HiddenLayer, rewritable_layers


@singledispatch
def places_of(architecture: Architecture) -> tuple[NeuronPlace, ...]:
    """Where neurons can be added, in the order of the network; they stay the places of what is wider.

    A new kind of architectures may register its own.
    """
    return ()


@places_of.register
def _(architecture: LayeredArchitecture) -> tuple[NeuronPlace, ...]:
    return tuple(HiddenLayer(layer) for layer in rewritable_layers(architecture))


@places_of.register
def _(architecture: ProgramArchitecture) -> tuple[NeuronPlace, ...]:
    return channel_places(architecture)
