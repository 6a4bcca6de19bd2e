"""The set of features that a configuration asks for, and the one that a saved model describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scalegmn.errors import ConfigurationError
from scalegmn.models.baselines.features.feature_set import FeatureKind, FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features.flat import FlatFeatures
from scalegmn.models.baselines.features.last_layer import LastLayerFeatures
from scalegmn.models.baselines.features.norms import NormFeatures
from scalegmn.models.baselines.features.singular_values import SingularValueFeatures
from scalegmn.models.baselines.features.statnn import StatNNFeatures
from scalegmn.networks.architecture import Architecture

_KINDS: Final[dict[FeatureKind, type[FeatureSet]]] = {
    kind.kind: kind
    for kind in (StatNNFeatures, NormFeatures, FlatFeatures, LastLayerFeatures, SingularValueFeatures)
}


def make_features(config: FeaturesConfig, architectures: Sequence[Architecture]) -> FeatureSet:
    """What reads networks of these architectures.

    Raises:
        ConfigurationError: the kind of features cannot read all of them.
    """
    match config.kind:
        case FeatureKind.statnn:
            return StatNNFeatures.of(architectures)
        case FeatureKind.norms:
            return NormFeatures.of(architectures)
        case FeatureKind.flat:
            return FlatFeatures.of(architectures)
        case FeatureKind.last_layer:
            return LastLayerFeatures.of(architectures)
        case FeatureKind.singular_values:
            return SingularValueFeatures.of(architectures, count=config.singular_values)
    raise AssertionError(f"no features are called {config.kind}")


def features_from_config(data: Mapping[str, Any]) -> FeatureSet:
    """The inverse of :meth:`FeatureSet.to_config`.

    Raises:
        ConfigurationError: an unknown kind, or entries that do not fit it.
    """
    entries = dict(data)
    try:
        return _KINDS[FeatureKind(entries.pop("kind", None))](**entries)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the saved configuration of features {dict(data)}: {error}") from error
