from ._feature_set import FeatureKind, FeaturesConfig, FeatureSet
from ._making import features_for, make_features

__all__ = ["FeatureKind", "FeatureSet", "FeaturesConfig", "features_for", "make_features"]
