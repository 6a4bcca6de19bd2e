"""The set of features that a configuration asks for, and the one that a saved model describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scalegmn.configuration import format_value, from_plain, register_plain_form
from scalegmn.errors import ConfigurationError
from scalegmn.models import ModelContext, check_layout
from scalegmn.models.baselines.features._feature_set import FEATURES, FeaturesConfig, FeatureSet
from scalegmn.networks import Architecture


def make_features(config: FeaturesConfig, architectures: Sequence[Architecture]) -> FeatureSet:
    """What reads networks of these architectures.

    Raises:
        ConfigurationError: the type of features cannot read all of them.
    """
    return FEATURES.get(config.type).from_architectures(architectures, config=config)


def features_for(context: ModelContext, *, reader: str) -> FeatureSet:
    """What a model called `reader` reads, that is built for a training.

    Raises:
        ConfigurationError: the type of features cannot read all networks.
    """
    config = context.options.of(FeaturesConfig)
    if FEATURES.get(config.type).one_layout:
        check_layout(context.architectures, reader=f"{reader} with the features {config.type}")
    return make_features(config, context.architectures)


def features_from_plain(data: object) -> FeatureSet:
    """The inverse of :meth:`FeatureSet.to_plain`.

    Raises:
        ConfigurationError: an unknown type, or entries that do not fit it.
    """
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"features are {format_value(data)}, expected their kind and its entries")
    kind = FEATURES.get(data.get("kind"))
    return from_plain(kind, {name: value for name, value in data.items() if name != "kind"})


register_plain_form(
    FeatureSet, write=lambda features: features.to_plain(), read=lambda _, data: features_from_plain(data)
)
