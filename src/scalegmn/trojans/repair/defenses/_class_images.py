"""Images that are drawn from what is known of each class, where there are no images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.seeding import generator

_MOST_NUMBERS: Final = 2**22
_NAMES: Final = ("components", "means", "spreads", "weights")
_ROUNDS: Final = 15
# Images of a cluster, so to speak, that spread as all of the class do.
_PRIOR: Final = 5


@final
@dataclass(frozen=True, eq=False)
class ClassImages:
    r"""Images of classes as mixtures of Gaussians along directions that all share.

    .. math::

        x = \operatorname{clip}\Big(\mu_{yj} + \sum_k \sigma_{yjk}\, \epsilon_k\, u_k,\ -1,\ 1\Big),
        \qquad j \sim w_y

    Attributes:
        means: of g clusters of each class, of images as networks take them.
        components: orthonormal directions in which images differ from their mean, principal ones first.
        spreads: standard deviations of each cluster along them.
        weights: fractions of the images of a class in each of its clusters.
    """

    means: Float[Tensor, "C g *shape"]
    components: Float[Tensor, "k *shape"]
    spreads: Float[Tensor, "C g k"]
    weights: Float[Tensor, "C g"]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return tuple(self.means.shape[2:])

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.means)

    @classmethod
    def fit(
        cls,
        inputs: Float[Tensor, "n *shape"],
        labels: Int[Tensor, " n"],
        *,
        clusters: int,
        components: int,
        seed: int = 0,
    ) -> ClassImages:
        """Describe images.

        Args:
            inputs: as networks take them, from -1 to 1.
            labels: their classes, from 0 on.
            clusters: of each class, by k-means; a class has as many images at least.
            components: how many directions are kept, at most all.
            seed: of the images that clusters start from.

        Raises:
            ConfigurationError: a class has too few images.
        """
        classes = int(labels.max()) + 1 if len(labels) else 0
        least = int(labels.bincount(minlength=classes).min()) if classes else 0
        if least < clusters:
            raise ConfigurationError(
                f"images of {classes} classes, of one only {least}; expected {clusters} of each class, one "
                "for each cluster"
            )
        flat = inputs.double().flatten(1)
        parts = [_clustered(flat[labels == own], clusters, seed) for own in range(classes)]
        means = torch.stack([found for found, _ in parts])
        rests = [flat[labels == own] - found[near] for own, (found, near) in enumerate(parts)]
        rest = torch.cat(rests)
        vectors = torch.linalg.eigh(rest.T @ rest)[1].flip(1)[:, :components]
        spreads, weights = [], []
        for own, (_, near) in zip(rests, parts, strict=True):
            squares, groups = (own @ vectors).square(), one_hot(near, clusters).double()
            counts = groups.sum(0)
            total = groups.T @ squares + _PRIOR * squares.mean(0)
            spreads.append((total / (counts + _PRIOR)[:, None]).sqrt())
            weights.append(counts / counts.sum())
        return cls(
            means.reshape(classes, clusters, *inputs.shape[1:]).float(),
            vectors.T.reshape(-1, *inputs.shape[1:]).float(),
            torch.stack(spreads).float(),
            torch.stack(weights).float(),
        )

    def draw(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images ``(count, *shape)`` and their classes, which come equally often."""
        labels = torch.arange(count) % self.classes
        cluster = torch.multinomial(self.weights[labels], 1, generator=rng)[:, 0]
        noise = torch.randn(count, len(self.components), generator=rng)
        moved = torch.tensordot(noise * self.spreads[labels, cluster], self.components, dims=1)
        return (self.means[labels, cluster] + moved).clamp(-1, 1), labels

    def tensors(self) -> dict[str, Tensor]:
        """The tensors to save, by name, in half precision."""
        return {name: getattr(self, name).half() for name in _NAMES}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, origin: str) -> ClassImages:
        """What :meth:`tensors` gave.

        Raises:
            CheckpointError: it is something else.
        """
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        fits = sorted(shapes) == list(_NAMES) and sum(map(math.prod, shapes.values())) <= _MOST_NUMBERS
        if fits:
            means, components, spreads, weights = (
                shapes[name] for name in ("means", "components", "spreads", "weights")
            )
            fits = len(means) == 5 and means[2:] == components[1:] and min(*means, *components) > 0
            fits = fits and weights == means[:2] and spreads == (*means[:2], components[0])
        sound = fits and all(bool(value.float().isfinite().all()) for value in tensors.values())
        if not sound or not bool((tensors["weights"].float().clamp(min=0).sum(1) > 0.5).all()):
            raise CheckpointError(
                f"{origin}: expected means, weights, spreads and components of the images of some classes, "
                f"found tensors of the shapes {str(shapes)[:200]}; install scalegmn again"
            )
        found = {name: tensors[name].float() for name in _NAMES}
        return cls(**{**found, "weights": found["weights"].clamp(min=0)})


def _clustered(images: Tensor, clusters: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centers ``(clusters, P)`` of k-means, and the center that each image is next to."""
    rng = generator(seed, "clusters")
    centers = images[torch.randperm(len(images), generator=rng)[:clusters]].clone()
    for _ in range(_ROUNDS):
        near = torch.cdist(images, centers).argmin(dim=1)
        groups = one_hot(near, clusters).to(images)
        counts = groups.sum(0)[:, None]
        # A center that no image is next to stays.
        centers = torch.where(counts > 0, groups.T @ images / counts.clamp(min=1), centers)
    return centers, torch.cdist(images, centers).argmin(dim=1)
