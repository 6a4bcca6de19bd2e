from ._activations import Activation, activation_kind, activation_kinds, register_activation
from ._architecture import Architecture
from ._factories import cnn, mlp, siren
from ._functional import run
from ._layered import LayeredArchitecture
from ._layers import Activate, Conv, Dense, Dropout, Flatten, Layer, Pool, Shift, Size, Skip, Weighted
from ._mean import mean_architecture, mean_parameters
from ._stages import Stage
from ._topology import EdgeType, Role, Topology, topology_of

__all__ = [
    "Activate",
    "Activation",
    "Architecture",
    "Conv",
    "Dense",
    "Dropout",
    "EdgeType",
    "Flatten",
    "Layer",
    "LayeredArchitecture",
    "Pool",
    "Role",
    "Shift",
    "Size",
    "Skip",
    "Stage",
    "Topology",
    "Weighted",
    "activation_kind",
    "activation_kinds",
    "cnn",
    "mean_architecture",
    "mean_parameters",
    "mlp",
    "register_activation",
    "run",
    "siren",
    "topology_of",
]

# For other rooms of the house; no promise is made about these.
from ._changing import changed as changed
from ._changing import changed_alike as changed_alike
from ._files import read_json as read_json
from ._parameters import Parameter as Parameter
from ._parameters import WeightedParameters as WeightedParameters
from ._parameters import positioned as positioned
from ._topology import CONSTANT as CONSTANT
from ._wild_layout import ACTIVATIONS as ACTIVATIONS
from ._wild_layout import WildLayout as WildLayout
