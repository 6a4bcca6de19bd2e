from ._feature_average import FeatureAverage
from ._feature_boosting import BoostingConfig, FeatureBoosting
from ._feature_logistic import FeatureLogistic
from ._flat_mlp import FlatMLP, FlatMLPConfig
from ._flat_mlp_editor import FlatMLPEditor
from ._last_layer_anomaly import AnomalyConfig, LastLayerAnomaly
from ._logistic import LogisticConfig
from ._nfn import NFN, NFNConfig
from ._output_type import OutputType
from ._probes import Probes, ProbesConfig
from ._statnn_mlp import StatNNConfig, StatNNMLP

__all__ = [
    "NFN",
    "AnomalyConfig",
    "BoostingConfig",
    "FeatureAverage",
    "FeatureBoosting",
    "FeatureLogistic",
    "FlatMLP",
    "FlatMLPConfig",
    "FlatMLPEditor",
    "LastLayerAnomaly",
    "LogisticConfig",
    "NFNConfig",
    "OutputType",
    "Probes",
    "ProbesConfig",
    "StatNNConfig",
    "StatNNMLP",
]

# For other rooms of the house; no promise is made about these.
from ._logistic import solve_logistic as solve_logistic
from ._output_type import check_targets as check_targets
from ._statnn_features import PER_SLOT as PER_SLOT
from ._statnn_features import padded_features as padded_features
