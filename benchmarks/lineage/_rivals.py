"""Other ways to tell whether two networks are related; larger numbers are more alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.alignment import Aligner, Matching
from scalegmn.alignment.lineage import LineageNetwork, fingerprints, likeness_of
from scalegmn.networks import Activate, Architecture, LayeredArchitecture

Pairs = np.ndarray
"""``(pairs, 2)``, numbers of networks."""
Score = Callable[[Sequence[LineageNetwork], Pairs, Tensor], np.ndarray]


def by_fingerprint(networks: Sequence[LineageNetwork], pairs: Pairs, images: Tensor) -> np.ndarray:
    """This library's, of the networks as they are: nothing is left out or merged first."""
    groups: dict[Architecture, list[int]] = {}
    for number, one in enumerate(networks):
        groups.setdefault(one.architecture, []).append(number)
    vectors: dict[int, Tensor] = {}
    for architecture, numbers in groups.items():
        theta = torch.stack([networks[number].theta for number in numbers]).float()
        vectors.update(zip(numbers, fingerprints(architecture, theta).vectors, strict=True))
    stacked = torch.stack([vectors[number] for number in range(len(networks))])
    return likeness_of(stacked)[pairs[:, 0], pairs[:, 1]]


def by_cosine(networks: Sequence[LineageNetwork], pairs: Pairs, images: Tensor) -> np.ndarray:
    """Cosine of all weights as they stand, those beyond the narrower network left out."""
    states = [one.architecture.unflatten(one.theta) for one in networks]

    def cosine(first: int, second: int) -> float:
        ours, theirs = [], []
        for name, value in states[first].items():
            other = states[second][name]
            part = tuple(slice(0, min(sizes)) for sizes in zip(value.shape, other.shape, strict=True))
            ours.append(value[part].flatten())
            theirs.append(other[part].flatten())
        return float(F.cosine_similarity(torch.cat(ours), torch.cat(theirs), dim=0))

    return np.array([cosine(*pair) for pair in pairs.tolist()])


def by_sorted_weights(networks: Sequence[LineageNetwork], pairs: Pairs, images: Tensor) -> np.ndarray:
    """Distance of the quantiles of each tensor's sorted weights, each tensor at its own size."""
    levels = torch.linspace(0, 1, 33, dtype=torch.float64)
    rows = []
    for one in networks:
        parts = [value.flatten() for value in one.architecture.unflatten(one.theta.double()).values()]
        rows.append(torch.cat([torch.quantile(part / part.square().mean().sqrt(), levels) for part in parts]))
    found = torch.stack(rows)
    return -(found[pairs[:, 0]] - found[pairs[:, 1]]).norm(dim=1).numpy()


def by_cka(networks: Sequence[LineageNetwork], pairs: Pairs, images: Tensor) -> np.ndarray:
    """Linear centered kernel alignment of the activations for images of the data, mean over layers."""
    kernels = [_kernels(one, images) for one in networks]
    return np.array(
        [
            float(torch.stack([(a * b).sum() for a, b in zip(kernels[i], kernels[j], strict=True)]).mean())
            for i, j in pairs.tolist()
        ]
    )


def by_permutations(networks: Sequence[LineageNetwork], pairs: Pairs, images: Tensor) -> np.ndarray:
    """Distance after the best permutation that is found; networks of different widths are not comparable."""
    matching = Matching(scales=False, signs=False, phases=False)
    aligners: dict[Architecture, Aligner] = {}
    found = []
    for first, second in pairs.tolist():
        one, two = networks[first], networks[second]
        if one.architecture != two.architecture:
            found.append(-np.inf)
            continue
        aligner = aligners.setdefault(one.architecture, Aligner(one.architecture, matching=matching))
        found.append(-aligner.align(one.theta, two.theta).distance)
    return np.array(found)


RIVALS: Final[Mapping[str, Score]] = {
    "fingerprint": by_fingerprint,
    "cosine of weights": by_cosine,
    "sorted weights": by_sorted_weights,
    "CKA of activations": by_cka,
    "permutations only": by_permutations,
}


def _kernels(network: LineageNetwork, images: Tensor) -> list[Tensor]:
    """Centered and of length 1, after every activation."""
    architecture = network.architecture.layered(reader="CKA")
    found = []
    for place, layer in enumerate(architecture.layers):
        if not isinstance(layer, Activate):
            continue
        part = LayeredArchitecture(architecture.layers[: place + 1])
        theta = network.theta[None, : part.num_parameters].float()
        inputs = images if part.stages[0].weighted.weight_shape[2:] else images.flatten(1)
        hidden = part.run(theta, inputs)[0].flatten(1)
        hidden = hidden - hidden.mean(0)
        kernel = hidden @ hidden.T
        found.append(kernel / kernel.norm().clamp_min(1e-30))
    return found
