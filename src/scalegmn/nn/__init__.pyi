from ._any_width_layer import AnyWidthMessagePassing, GatedMap
from ._edge_maps import EdgeMaps, EdgeWeights
from ._equivariant import IOMap, IOMaps, ScaleEquivariant
from ._group_rows import GroupRows
from ._invariant import ScaleInvariant
from ._message import MESSAGES, Message, MessageFunction, ReScaleEquivariant
from ._message_passing_layer import MessagePassingLayer
from ._mlp import MLP, MLPStyle
from ._needs import ReadoutNeeds
from ._network_sums import NetworkSums
from ._neurons import Neurons, SortedGraph
from ._normalization import ParameterScale
from ._parameter_head import ParameterHead
from ._part_mixture import PartMixture
from ._permutation_layer import EdgeMLP, PermutationMessagePassing
from ._phases import PhaseGate, PhaseStart, phases_of
from ._positional import PositionalEncoding
from ._products import LinearProducts, PairMessages, ProductExchange, ProductMessages
from ._readout import READOUTS, FullGraphReadout, LastLayerReadout, Readout
from ._scale_layer import EdgeUpdate, NodeInvariants, NodeUpdate, ScaleMessagePassing, carry, emit, receive
from ._standardize import Standardize
from ._start import start_dual, start_primal
from ._state import State
from ._statistics import WeightStatistics
from ._style import LayerStyle
from ._taps import TapDecoder, TapEncoder

__all__ = [
    "MESSAGES",
    "MLP",
    "READOUTS",
    "AnyWidthMessagePassing",
    "EdgeMLP",
    "EdgeMaps",
    "EdgeUpdate",
    "EdgeWeights",
    "FullGraphReadout",
    "GatedMap",
    "GroupRows",
    "IOMap",
    "IOMaps",
    "LastLayerReadout",
    "LayerStyle",
    "LinearProducts",
    "MLPStyle",
    "Message",
    "MessageFunction",
    "MessagePassingLayer",
    "NetworkSums",
    "Neurons",
    "NodeInvariants",
    "NodeUpdate",
    "PairMessages",
    "ParameterHead",
    "ParameterScale",
    "PartMixture",
    "PermutationMessagePassing",
    "PhaseGate",
    "PhaseStart",
    "PositionalEncoding",
    "ProductExchange",
    "ProductMessages",
    "ReScaleEquivariant",
    "Readout",
    "ReadoutNeeds",
    "ScaleEquivariant",
    "ScaleInvariant",
    "ScaleMessagePassing",
    "SortedGraph",
    "Standardize",
    "State",
    "TapDecoder",
    "TapEncoder",
    "WeightStatistics",
    "carry",
    "emit",
    "phases_of",
    "receive",
    "start_dual",
    "start_primal",
]

# For other rooms of the house; no promise is made about these.
from ._any_width_layer import without_noise as without_noise
from ._fitted import mark_fitted as mark_fitted
from ._fitted import warn_if_unfitted as warn_if_unfitted
from ._invariant import length as length
from ._invariant import unit as unit
from ._old_names import load_old_names as load_old_names
from ._quantiles import row_quantiles as row_quantiles
from ._robust import FARTHEST as FARTHEST
from ._robust import LARGEST as LARGEST
from ._robust import median_of as median_of
from ._robust import of_ordinary_size as of_ordinary_size
from ._robust import robust_moments as robust_moments
from ._robust import within_reach as within_reach
from ._statistics import PER_SET as PER_SET
from ._statistics import SETS_PER_LAYER as SETS_PER_LAYER
from ._statistics import statistics_size as statistics_size
from ._statistics import weight_statistics as weight_statistics
from ._taps import TapBlock as TapBlock
from ._taps import tap_blocks as tap_blocks
