"""Recipes to start from, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ._catalog import TROJAN_DESIGNS
from ._recipe import ClassifierRecipe, ClassifierSpace


def _bases(name: str, space: ClassifierSpace) -> ClassifierRecipe:
    """Base networks that are all good: what differs between them is what differs between good networks."""
    return ClassifierRecipe(
        designs=TROJAN_DESIGNS,
        space=space,
        networks_each=8,
        batch_size=64,
        image_size=None,
        as_layers=True,
        name=name,
    )


_ADAM: Final = ClassifierSpace(
    w_inits=("he_normal", "glorot_normal"),
    init_scale=(0.8, 1.25),
    learning_rate=(6e-3, 1.5e-2),
    l2=(1e-7, 1e-5),
    dropout=(0.0, 0.1),
    train_fractions=(0.5, 1.0),
    label_noise=(0.0,),
    optimizers=("adam",),
    steps=(300, 400),
)
_SGD: Final = ClassifierSpace(
    w_inits=("orthogonal",),
    init_scale=(0.9, 1.6),
    learning_rate=(0.08, 0.2),
    l2=(1e-6, 1e-4),
    dropout=(0.0, 0.1),
    train_fractions=(1.0,),
    label_noise=(0.0,),
    optimizers=("sgd",),
    steps=(600,),
)

CLASSIFIER_RECIPES: Final[Mapping[str, ClassifierRecipe]] = MappingProxyType(
    {
        "modern": ClassifierRecipe(),
        "trojan_bases": _bases("trojan_bases", _ADAM),
        "trojan_bases_sgd": _bases("trojan_bases_sgd", _SGD),
    }
)
"""``modern``: networks of all qualities, for the prediction of accuracy.  ``trojan_bases``: base networks for
trojans, all of them good.  ``trojan_bases_sgd``: the same designs, trained in another way."""
