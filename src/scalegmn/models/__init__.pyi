from ._backbone import Backbone, recompute_layers
from ._config import Direction, ModelConfig, ReadoutKind, Symmetry
from ._editor import ScaleGMNEditor
from ._metanetwork import (
    EDITORS,
    MODELS,
    PREDICTORS,
    Editor,
    FittedJudge,
    Judge,
    Metanetwork,
    ModelContext,
    check_layout,
)
from ._probed import ProbedScaleGMN
from ._saving import CONFIG_FILE, WEIGHTS_FILE
from ._scalegmn import ScaleGMN

__all__ = [
    "CONFIG_FILE",
    "EDITORS",
    "MODELS",
    "PREDICTORS",
    "WEIGHTS_FILE",
    "Backbone",
    "Direction",
    "Editor",
    "FittedJudge",
    "Judge",
    "Metanetwork",
    "ModelConfig",
    "ModelContext",
    "ProbedScaleGMN",
    "ReadoutKind",
    "ScaleGMN",
    "ScaleGMNEditor",
    "Symmetry",
    "check_layout",
    "recompute_layers",
]
