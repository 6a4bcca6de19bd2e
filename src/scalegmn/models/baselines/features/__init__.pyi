from ._feature_set import FEATURES, FeaturesConfig, FeatureSet
from ._flat import FlatFeatures
from ._last_layer import LastLayerFeatures
from ._making import features_for, make_features
from ._norms import NormFeatures
from ._singular_values import SingularValueFeatures
from ._statnn import StatNNFeatures

__all__ = [
    "FEATURES",
    "FeatureSet",
    "FeaturesConfig",
    "FlatFeatures",
    "LastLayerFeatures",
    "NormFeatures",
    "SingularValueFeatures",
    "StatNNFeatures",
    "features_for",
    "make_features",
]
