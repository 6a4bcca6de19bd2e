from ._feature_set import FeaturesConfig, FeatureSet, FeatureType
from ._making import features_for, make_features

__all__ = ["FeatureSet", "FeatureType", "FeaturesConfig", "features_for", "make_features"]
