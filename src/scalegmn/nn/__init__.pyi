from ._edge_maps import EdgeMaps, EdgeWeights
from ._equivariant import IOMap, IOMaps, ScaleEquivariant
from ._fitted import mark_fitted, warn_if_unfitted
from ._group_rows import GroupRows
from ._invariant import ScaleInvariant, length, unit
from ._message import Message, ReScaleEquivariant
from ._message_passing_layer import MessagePassingLayer
from ._mlp import MLP, MLPStyle
from ._needs import ReadoutNeeds
from ._neurons import Neurons, SortedGraph
from ._normalization import ParameterScale
from ._old_names import load_old_names
from ._parameter_head import ParameterHead
from ._permutation_layer import EdgeMLP, PermutationMessagePassing
from ._positional import PositionalEncoding
from ._quantiles import row_quantiles
from ._readout import FullGraphReadout, LastLayerReadout, Readout
from ._robust import FARTHEST, LARGEST, median_of, of_ordinary_size, robust_moments, within_reach
from ._scale_layer import (
    EdgeUpdate,
    NodeInvariants,
    NodeUpdate,
    ScaleMessagePassing,
    carry,
    emit,
    receive,
)
from ._standardize import Standardize
from ._start import start_dual, start_primal
from ._state import State
from ._statistics import PER_SET, SETS_PER_LAYER, WeightStatistics
from ._style import LayerStyle
from ._taps import TapBlock, TapDecoder, TapEncoder, tap_blocks

__all__ = [
    "FARTHEST",
    "LARGEST",
    "MLP",
    "PER_SET",
    "SETS_PER_LAYER",
    "EdgeMLP",
    "EdgeMaps",
    "EdgeUpdate",
    "EdgeWeights",
    "FullGraphReadout",
    "GroupRows",
    "IOMap",
    "IOMaps",
    "LastLayerReadout",
    "LayerStyle",
    "MLPStyle",
    "Message",
    "MessagePassingLayer",
    "Neurons",
    "NodeInvariants",
    "NodeUpdate",
    "ParameterHead",
    "ParameterScale",
    "PermutationMessagePassing",
    "PositionalEncoding",
    "ReScaleEquivariant",
    "Readout",
    "ReadoutNeeds",
    "ScaleEquivariant",
    "ScaleInvariant",
    "ScaleMessagePassing",
    "SortedGraph",
    "Standardize",
    "State",
    "TapBlock",
    "TapDecoder",
    "TapEncoder",
    "WeightStatistics",
    "carry",
    "emit",
    "length",
    "load_old_names",
    "mark_fitted",
    "median_of",
    "of_ordinary_size",
    "receive",
    "robust_moments",
    "row_quantiles",
    "start_dual",
    "start_primal",
    "tap_blocks",
    "unit",
    "warn_if_unfitted",
    "within_reach",
]
