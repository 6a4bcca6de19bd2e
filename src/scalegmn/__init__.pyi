from . import (
    alignment,
    checkpoints,
    collections,
    comparison,
    editing,
    graph,
    images,
    metrics,
    models,
    networks,
    nn,
    populations,
    programs,
    reports,
    symmetry,
    tasks,
    testing,
    training,
    trojans,
    zoo,
)
from .alignment import align
from .checkpoints import read_networks
from .graph import GraphSpec, NetworkBatch, batch_graphs, to_graph, to_module
from .images import load_images
from .models import ModelConfig, ScaleGMN, ScaleGMNEditor
from .networks import Activation, Architecture, cnn, mlp, siren
from .networks.modules import read_module, write_module
from .populations import Population
from .programs.tracing import trace
from .symmetry import SymmetryAction, canonicalize_sine_phase
from .symmetry.discovery import symmetries
from .training import Run, evaluate, train

__version__: str

__all__ = [
    "Activation",
    "Architecture",
    "GraphSpec",
    "ModelConfig",
    "NetworkBatch",
    "Population",
    "Run",
    "ScaleGMN",
    "ScaleGMNEditor",
    "SymmetryAction",
    "__version__",
    "align",
    "alignment",
    "batch_graphs",
    "canonicalize_sine_phase",
    "checkpoints",
    "cnn",
    "collections",
    "comparison",
    "editing",
    "evaluate",
    "graph",
    "images",
    "load_images",
    "metrics",
    "mlp",
    "models",
    "networks",
    "nn",
    "populations",
    "programs",
    "read_module",
    "read_networks",
    "reports",
    "siren",
    "symmetries",
    "symmetry",
    "tasks",
    "testing",
    "to_graph",
    "to_module",
    "trace",
    "train",
    "training",
    "trojans",
    "write_module",
    "zoo",
]
