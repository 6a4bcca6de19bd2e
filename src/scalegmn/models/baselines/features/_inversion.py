"""How easily a network takes any input for a class: triggers that are searched for, and not the weights.

Whoever put a trojan into a network has made one class easy to reach from everywhere.  Neural Cleanse (Wang
et al. 2019) asks which class needs the smallest trigger; entries of the TrojAI challenge (Karra et al. 2020)
learn from what such searches find, as is done here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor

from scalegmn.configuration import Width
from scalegmn.errors import ArchitectureError, ConfigurationError, GraphError, ProgramError
from scalegmn.graph import NetworkBatch
from scalegmn.models.baselines.features._feature_set import FeaturesConfig, FeatureSet
from scalegmn.models.baselines.features._last_rows import robust_z_scores
from scalegmn.models.baselines.features._remembered import RememberedRows
from scalegmn.models.baselines.features._searches import SEARCHES, ChangeSearch, SearchKind
from scalegmn.models.baselines.features._start_inputs import (
    check_images,
    inputs_of_shape,
    read_images,
    shape_of,
)
from scalegmn.models.baselines.features._trigger_search import SearchedChanges, search_changes
from scalegmn.networks import Architecture, Size, run

SUMMARIES: Final = 6
"""Of a figure of all classes: the three largest, the median, the smallest, the largest z-score."""
# Margins and z-scores beyond say no more; of networks with huge weights they would drown all else.
_LARGEST_MARGIN: Final = 50.0
_LARGEST_SCORE: Final = 30.0
# Some 7 MB in single precision, and the networks of any comparison.
_REMEMBERED: Final = RememberedRows(most=2**14)


@final
@dataclass(frozen=True, kw_only=True)
class InversionFeatures(FeatureSet):
    """What a change of all inputs toward each class reaches, ``(B, F)``.

    For each class one change is searched in each of several ways (:data:`~._searches.SEARCHES`).  Figures of
    a class are the mean margin at every length, in bounded searches also the margin that three quarters of
    the inputs reach, and at some lengths the mean probability, how evenly the change is spread, and how much
    of it is in one window.  Of every figure there are the three largest over classes, the median, the
    smallest and the largest robust z-score, so that it does not matter which class it is, nor how many there
    are.  Reads mixed architectures, also with inputs of several shapes.

    Attributes:
        searches: in which ways.
        image_size: height and width of images, for networks that do not say it.
        images: where the search starts, as :func:`~._start_inputs.packed` writes them; networks with inputs
            of other shapes get :func:`~._start_inputs.drawn_inputs`.

    Law: invariant under every change of parameters that keeps the function, hence under all symmetries and
    under neurons that are split, or that nobody reads; up to rounding, which the search amplifies.
    """

    name = "inversion"
    any_width = True
    # Those of models that were saved before there were others.
    searches: tuple[SearchKind, ...] = (SearchKind.free,)
    image_size: tuple[Width, Width] | None = None
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.searches:
            raise ConfigurationError(
                f"features.searches: names no search, expected some of {[kind.value for kind in SearchKind]}"
            )
        check_images(self.images, origin="features.images")

    @classmethod
    def from_architectures(
        cls, architectures: Sequence[Architecture], *, config: FeaturesConfig
    ) -> InversionFeatures:
        """For networks of these architectures.

        Raises:
            ConfigurationError: it is not known which inputs one of them takes, or no image can be used.
            CheckpointError: the file of images cannot be read.
        """
        try:
            shapes = [input_shape(architecture, config.image_size) for architecture in architectures]
        except GraphError as error:
            raise ConfigurationError(f"features: {error}") from error
        images = () if config.images is None else read_images(config.images)
        given = {shape_of(text) for text in images}
        if given and not given.intersection(shapes):
            raise ConfigurationError(
                f"features.images: {config.images} has images of the shapes {sorted(given)}, but the "
                f"networks take inputs of the shapes {sorted(set(shapes))}; write images as they take them"
            )
        return cls(searches=config.searches, image_size=config.image_size, images=images)

    @property
    def size(self) -> int:
        return sum(_size(SEARCHES[kind]) for kind in self.searches)

    def compute(self, batch: NetworkBatch) -> Float[Tensor, "B F"]:
        # Each search is remembered for itself: sets of a comparison share them.  The images may be many; they
        # are written down once for all parts.
        own = json.dumps({**self.to_plain(), "searches": None})
        return torch.cat(
            [
                torch.cat([self._remembered(own, *part, kind) for kind in self.searches], dim=1)
                for part in batch.parts
            ]
        )

    def _remembered(self, own: str, architecture: Architecture, theta: Tensor, kind: SearchKind) -> Tensor:
        key = f"{own} {kind.value} {architecture.fingerprint}"
        return _REMEMBERED.rows(key, theta, functools.partial(self._of, architecture, SEARCHES[kind]))

    def _of(self, architecture: Architecture, search: ChangeSearch, theta: Tensor) -> Tensor:
        inputs = inputs_of_shape(self.images, input_shape(architecture, self.image_size))
        figures = _figures(search_changes(architecture, theta, inputs, search=search), search)
        found = figures.flatten(1) if search.away else _summaries(figures)
        # Networks that answer with no numbers have no features, rather than some.
        known = found.isfinite().all(dim=1, keepdim=True)
        return torch.where(known, found, torch.nan).to(theta.dtype)


def _size(search: ChangeSearch) -> int:
    """Features of a search."""
    margins = (1 + search.bounded) * (1 + len(search.radii))
    return (1 if search.away else SUMMARIES) * (margins + 3 * len(search.read))


def _figures(found: SearchedChanges, search: ChangeSearch) -> Float[Tensor, "B C figures"]:
    margins = found.margins.clamp(-_LARGEST_MARGIN, _LARGEST_MARGIN)
    mean, probability = margins.mean(3), margins[:, :, 1:].sigmoid().mean(3)
    # Most inputs, since a trigger works on all of them.
    most = [margins.sort(dim=3).values[..., margins.shape[3] // 4]] if search.bounded else []
    at = [part[:, :, search.read] for part in (probability, found.evenness, found.peak)]
    return torch.cat([mean, *most, *at], dim=2)


def _summaries(figures: Float[Tensor, "B C figures"]) -> Float[Tensor, "B F"]:
    ordered = figures.sort(dim=1, descending=True).values
    classes = ordered.shape[1]
    chosen = [0, min(1, classes - 1), min(2, classes - 1), classes // 2, classes - 1]
    scores = robust_z_scores(figures.mT).amax(dim=2).clamp_max(_LARGEST_SCORE)
    return torch.cat([ordered[:, chosen].flatten(1), scores], dim=1)


@lru_cache(maxsize=1024)
def input_shape(architecture: Architecture, size: Size | None) -> tuple[int, ...]:
    """Shape of an input that a network reads.

    Raises:
        GraphError: it does not say it, or does not read inputs of this size.
    """
    try:
        shape = architecture.example_shape(None)
    except ArchitectureError as error:
        if size is None:
            raise GraphError(f"{error}; name it as features.image_size") from error
        try:
            shape = architecture.example_shape(size)
        except ArchitectureError as other:
            raise GraphError(str(other)) from other
    try:
        run(architecture, torch.zeros(1, architecture.num_parameters), torch.zeros(1, *shape))
    except (RuntimeError, ArchitectureError, ProgramError) as error:
        reason = str(error).splitlines()[0]
        raise GraphError(
            f"{architecture.describe()} cannot read inputs of shape {shape}: {reason}; check "
            "features.image_size"
        ) from error
    return shape
