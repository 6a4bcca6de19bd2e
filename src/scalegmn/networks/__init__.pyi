from ._activations import Activation, activation_kind, activation_kinds
from ._architecture import Architecture
from ._devices import usable_device
from ._factories import cnn, mlp, siren
from ._files import read_json
from ._functional import run
from ._layers import Activate, Conv, Dense, Dropout, Flatten, Layer, Pool, Shift, Size, Skip, Weighted
from ._stages import Stage
from ._topology import CONSTANT, EdgeKind, Role, Topology, topology_of
from ._wild_layout import ACTIVATIONS, WildLayout

__all__ = [
    "ACTIVATIONS",
    "CONSTANT",
    "Activate",
    "Activation",
    "Architecture",
    "Conv",
    "Dense",
    "Dropout",
    "EdgeKind",
    "Flatten",
    "Layer",
    "Pool",
    "Role",
    "Shift",
    "Size",
    "Skip",
    "Stage",
    "Topology",
    "Weighted",
    "WildLayout",
    "activation_kind",
    "activation_kinds",
    "cnn",
    "mlp",
    "read_json",
    "run",
    "siren",
    "topology_of",
    "usable_device",
]
