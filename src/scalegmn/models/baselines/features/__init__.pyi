from ._canonical import CanonicalFeatures
from ._feature_set import FEATURES, FeaturesConfig, FeatureSet
from ._flat import FlatFeatures
from ._inversion import InversionFeatures
from ._last_layer import LastLayerFeatures
from ._last_layer_anomalies import LastLayerAnomalies
from ._making import features_for, make_features
from ._norms import NormFeatures
from ._singular_values import SingularValueFeatures
from ._sorted_weights import SortedWeightFeatures
from ._statnn import StatNNFeatures

__all__ = [
    "FEATURES",
    "CanonicalFeatures",
    "FeatureSet",
    "FeaturesConfig",
    "FlatFeatures",
    "InversionFeatures",
    "LastLayerAnomalies",
    "LastLayerFeatures",
    "NormFeatures",
    "SingularValueFeatures",
    "SortedWeightFeatures",
    "StatNNFeatures",
    "features_for",
    "make_features",
]

# For other rooms of the house; no promise is made about these.
from ._inversion import input_shape as input_shape
from ._last_layer_anomalies import INDICATORS as INDICATORS
from ._remembered import RememberedRows as RememberedRows
from ._start_inputs import read_inputs as read_inputs
