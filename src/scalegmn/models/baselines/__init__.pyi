from ._feature_boosting import BoostingConfig, FeatureBoosting
from ._feature_logistic import FeatureLogistic, LogisticConfig
from ._flat_mlp import FlatMLP, FlatMLPConfig
from ._flat_mlp_editor import FlatMLPEditor
from ._nfn import NFN, NFNConfig
from ._output_type import AnswerKind
from ._probes import Probes, ProbesConfig
from ._statnn_features import PER_SLOT, padded_features
from ._statnn_mlp import StatNNConfig, StatNNMLP

__all__ = [
    "NFN",
    "PER_SLOT",
    "AnswerKind",
    "BoostingConfig",
    "FeatureBoosting",
    "FeatureLogistic",
    "FlatMLP",
    "FlatMLPConfig",
    "FlatMLPEditor",
    "LogisticConfig",
    "NFNConfig",
    "Probes",
    "ProbesConfig",
    "StatNNConfig",
    "StatNNMLP",
    "padded_features",
]
