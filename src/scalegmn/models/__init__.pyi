from ._config import Direction, ModelConfig, Symmetry
from ._editor import ScaleGMNEditor
from ._hybrid import Hybrid, HybridConfig
from ._metanetwork import (
    EDITORS,
    MODELS,
    PREDICTORS,
    Editor,
    Embedder,
    FittedPredictor,
    Metanetwork,
    ModelContext,
    Predictor,
)
from ._probed import ProbedScaleGMN
from ._scalegmn import ScaleGMN
from ._side_by_side import ScaleGMNAndProbes

__all__ = [
    "EDITORS",
    "MODELS",
    "PREDICTORS",
    "Direction",
    "Editor",
    "Embedder",
    "FittedPredictor",
    "Hybrid",
    "HybridConfig",
    "Metanetwork",
    "ModelConfig",
    "ModelContext",
    "Predictor",
    "ProbedScaleGMN",
    "ScaleGMN",
    "ScaleGMNAndProbes",
    "ScaleGMNEditor",
    "Symmetry",
]

# For other rooms of the house; no promise is made about these.
from ._backbone import Backbone as Backbone
from ._backbone import recompute_layers as recompute_layers
from ._metanetwork import check_layout as check_layout
from ._saving import CONFIG_FILE as CONFIG_FILE
from ._saving import WEIGHTS_FILE as WEIGHTS_FILE
