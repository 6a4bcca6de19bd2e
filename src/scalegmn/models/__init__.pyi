from ._backbone import Backbone, recompute_layers
from ._config import Direction, ModelConfig, ReadoutKind, Symmetry
from ._editor import ScaleGMNEditor
from ._metanetwork import Editor, FittedJudge, Judge, Metanetwork
from ._probed import ProbedScaleGMN
from ._saving import CONFIG_FILE, WEIGHTS_FILE
from ._scalegmn import ScaleGMN

__all__ = [
    "CONFIG_FILE",
    "WEIGHTS_FILE",
    "Backbone",
    "Direction",
    "Editor",
    "FittedJudge",
    "Judge",
    "Metanetwork",
    "ModelConfig",
    "ProbedScaleGMN",
    "ReadoutKind",
    "ScaleGMN",
    "ScaleGMNEditor",
    "Symmetry",
    "recompute_layers",
]
