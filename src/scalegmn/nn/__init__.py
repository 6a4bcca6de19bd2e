"""Building blocks of metanetworks; each states its law."""

from scalegmn.nn.arrangement import Arrangement
from scalegmn.nn.equivariant import ScaleEquivariant
from scalegmn.nn.invariant import ScaleInvariant
from scalegmn.nn.layer import Layer
from scalegmn.nn.message_passing import ScaleMessagePassing
from scalegmn.nn.messages import Messages
from scalegmn.nn.mlp import MLP, MLPStyle
from scalegmn.nn.normalisation import ParameterScale
from scalegmn.nn.parameter_head import ParameterHead
from scalegmn.nn.permutation_passing import PermutationMessagePassing
from scalegmn.nn.positional import PositionalEncoding
from scalegmn.nn.readout import FullGraphReadout, LastLayerReadout, Readout
from scalegmn.nn.rows import GroupRows
from scalegmn.nn.segments import Incidence
from scalegmn.nn.state import State
from scalegmn.nn.style import LayerStyle
from scalegmn.nn.taps import TapDecoder, TapEncoder

__all__ = [
    "MLP",
    "Arrangement",
    "FullGraphReadout",
    "GroupRows",
    "Incidence",
    "LastLayerReadout",
    "Layer",
    "LayerStyle",
    "MLPStyle",
    "Messages",
    "ParameterHead",
    "ParameterScale",
    "PermutationMessagePassing",
    "PositionalEncoding",
    "Readout",
    "ScaleEquivariant",
    "ScaleInvariant",
    "ScaleMessagePassing",
    "State",
    "TapDecoder",
    "TapEncoder",
]
