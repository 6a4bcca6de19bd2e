from ._feature_set import FeatureKind, FeaturesConfig, FeatureSet
from ._making import make_features

__all__ = ["FeatureKind", "FeatureSet", "FeaturesConfig", "make_features"]
