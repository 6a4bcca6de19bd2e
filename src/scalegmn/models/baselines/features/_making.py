"""The set of features that a configuration asks for, and the one that a saved model describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from scalegmn.configuration import format_value, from_plain, register_plain_form
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelContext, check_layout
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet, FeatureType
from scalegmn.models.baselines.features._flat import FlatFeatures
from scalegmn.models.baselines.features._last_layer import LastLayerFeatures
from scalegmn.models.baselines.features._norms import NormFeatures
from scalegmn.models.baselines.features._singular_values import SingularValueFeatures
from scalegmn.models.baselines.features._statnn import StatNNFeatures
from scalegmn.networks import Architecture

_KINDS: Final[dict[FeatureType, type[FeatureSet]]] = {
    kind.kind: kind
    for kind in (StatNNFeatures, NormFeatures, FlatFeatures, LastLayerFeatures, SingularValueFeatures)
}


def make_features(config: FeaturesConfig, architectures: Sequence[Architecture]) -> FeatureSet:
    """What reads networks of these architectures.

    Raises:
        ConfigurationError: the kind of features cannot read all of them.
    """
    match config.type:
        case FeatureType.statnn:
            return StatNNFeatures.from_architectures(architectures)
        case FeatureType.norms:
            return NormFeatures.from_architectures(architectures)
        case FeatureType.flat:
            return FlatFeatures.from_architectures(architectures)
        case FeatureType.last_layer:
            return LastLayerFeatures.from_architectures(architectures)
        case FeatureType.singular_values:
            return SingularValueFeatures.from_architectures(architectures, count=config.singular_values)
    raise AssertionError(f"no features are called {config.kind}")


def features_for(context: ModelContext, *, reader: str) -> FeatureSet:
    """What a model called `reader` reads, that is built for a training.

    Raises:
        ConfigurationError: the kind of features cannot read all networks.
    """
    config = context.options.of(FeaturesConfig)
    if config.type is FeatureType.flat:
        check_layout(context.architectures, reader=f"{reader} with the features flat")
    return make_features(config, context.architectures)


def features_from_plain(data: object) -> FeatureSet:
    """The inverse of :meth:`FeatureSet.to_plain`.

    Raises:
        ConfigurationError: an unknown kind, or entries that do not fit it.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"features are {format_value(data)}, expected their kind and its entries")
    kind = {kind.name: kind for kind in _KINDS}.get(str(data.get("kind")))
    if kind is None:
        raise ConfigurationError(
            f"the kind of features is {format_value(data.get('kind'))}, expected one of "
            f"{', '.join(kind.name for kind in _KINDS)}"
        )
    return from_plain(_KINDS[kind], {name: value for name, value in data.items() if name != "kind"})


register_plain_form(
    FeatureSet, write=lambda features: features.to_plain(), read=lambda _, data: features_from_plain(data)
)
