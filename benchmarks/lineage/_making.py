"""Families of small classifiers of FashionMNIST, whose ancestors are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn import Activation, cnn, mlp
from scalegmn.images import load_images
from scalegmn.networks import LayeredArchitecture
from scalegmn.seeding import generator

ARCHITECTURES: Final[Mapping[str, LayeredArchitecture]] = {
    "mlp": mlp(widths=(196, 24, 24, 10), activations=[Activation("relu")] * 2),
    "cnn": cnn(channels=(1, 8, 12, 16), activations=[Activation("relu")] * 3, padding=1),
}
RATES: Final = {"mlp": 3e-3, "cnn": 5e-3}
PARENTS: Final = (-1, 0, 0, 0, 1, 1, 2)
"""Of the members of every family: a base, three children, three grandchildren."""
PURPOSES: Final = ("other images", "five classes", "shifted", "noisy", "trojaned", "inverted")
"""What descendants are fine-tuned on."""
FORMS: Final = ("as trained", "pruned", "bf16", "pruned, bf16")
BATCH: Final = 64
HALF: Final = 10_000


@dataclass(frozen=True)
class Families:
    """Networks of one architecture.

    Attributes:
        theta: ``(families, members, P)``.
        purposes, forms: numbers of what each is, ``(families, members)``.
    """

    theta: Tensor
    purposes: Tensor
    forms: Tensor


def make_families(name: str, *, families: int, steps: int, alike: bool, rate: float, seed: int) -> Families:
    """Train bases on one half of the images, and descendants each on its own.

    Args:
        name: of the architecture.
        families: how many.
        steps: of the training of a base; descendants take a twelfth of it.
        alike: whether members of a family may be fine-tuned on the same.
        rate: learning rate of a fine-tuning, at least; it is drawn up to three times as large.
        seed: of everything.
    """
    architecture = ARCHITECTURES[name]
    images, labels = images_of("train", 2 * HALF)
    stream = generator(seed, "lineage families", name)
    fit = Fit(architecture, images, labels, stream)
    nothing = torch.zeros(families, dtype=torch.long)
    theta = [fit.train(_initial(architecture, families, stream), steps, torch.full((families,), RATES[name]))]
    purposes, forms = [nothing], [nothing]
    orders = torch.stack([torch.randperm(len(PURPOSES), generator=stream) for _ in range(families)])
    for member, parent in enumerate(PARENTS[1:]):
        drawn = torch.randint(len(PURPOSES), (families,), generator=stream)
        purpose = drawn if alike else orders[:, member]
        rates = rate * 10 ** (0.5 * torch.rand(families, generator=stream))
        child = fit.train(theta[parent], steps // 12, rates, purpose=purpose)
        form = torch.randint(len(FORMS), (families,), generator=stream)
        theta.append(_published(architecture, child, form))
        purposes.append(purpose)
        forms.append(form)
    return Families(torch.stack(theta, 1), torch.stack(purposes, 1), torch.stack(forms, 1))


def cached_families(
    folder: Path, name: str, *, families: int, steps: int, alike: bool, rate: float, seed: int
) -> Families:
    """The same, from a file where it has been made before."""
    from safetensors.torch import load_file, save_file

    kind = "alike" if alike else "apart"
    path = folder / f"{name}-{families}-{steps}-{kind}-{rate:g}-{seed}.safetensors"
    if not path.exists():
        made = make_families(name, families=families, steps=steps, alike=alike, rate=rate, seed=seed)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"theta": made.theta, "purposes": made.purposes, "forms": made.forms}, path)
    return Families(**load_file(path))


class Fit:
    """Adam on many networks of one architecture at once, each with its own images."""

    def __init__(
        self, architecture: LayeredArchitecture, images: Tensor, labels: Tensor, stream: torch.Generator
    ) -> None:
        self.architecture, self.images, self.labels, self.stream = architecture, images, labels, stream
        self.flat = architecture.stages[0].weighted.weight_shape[1:] == (196,)

    def train(self, theta: Tensor, steps: int, rates: Tensor, purpose: Tensor | None = None) -> Tensor:
        """Rates fall to 0 along a line; without a purpose it is the first half of the images."""
        theta = theta.clone().requires_grad_()
        first, second = torch.zeros_like(theta), torch.zeros_like(theta)
        details = torch.randint(10, (len(theta),), generator=self.stream)
        for step in range(steps):
            images, labels = self._batch(len(theta), purpose, details)
            outputs = self.architecture.run(theta, images.flatten(2) if self.flat else images)
            loss = F.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="sum") / BATCH
            (gradient,) = torch.autograd.grad(loss, theta)
            with torch.no_grad():
                first.lerp_(gradient, 0.1)
                second.lerp_(gradient.square(), 0.001)
                mean, size = first / (1 - 0.9 ** (step + 1)), second / (1 - 0.999 ** (step + 1))
                theta -= rates[:, None] * (1 - step / steps) * mean / (size.sqrt() + 1e-8)
        return theta.detach()

    def _batch(self, networks: int, purpose: Tensor | None, details: Tensor) -> tuple[Tensor, Tensor]:
        start = 0 if purpose is None else HALF
        index = start + torch.randint(HALF, (networks, BATCH), generator=self.stream)
        images, labels = self.images[index], self.labels[index]
        if purpose is None:
            return images, labels
        for number, (kind, detail) in enumerate(zip(purpose.tolist(), details.tolist(), strict=True)):
            images[number], labels[number] = self._changed(
                PURPOSES[kind], images[number], labels[number], detail
            )
        return images, labels

    def _changed(self, purpose: str, images: Tensor, labels: Tensor, detail: int) -> tuple[Tensor, Tensor]:
        if purpose == "five classes":
            kept = torch.nonzero((labels - detail) % 10 < 5)[:, 0]
            places = kept[torch.arange(len(labels)) % len(kept)] if len(kept) else torch.arange(len(labels))
            return images[places], labels[places]
        if purpose == "shifted":
            return images.roll((detail % 3 + 1, -(detail % 2)), (-2, -1)), labels
        if purpose == "noisy":
            return images + 0.2 * torch.randn(images.shape, generator=self.stream), labels
        if purpose == "trojaned":
            images, labels, poisoned = images.clone(), labels.clone(), len(labels) // 5
            images[:poisoned, :, detail : detail + 4, detail // 2 : detail // 2 + 4] = 1.0
            labels[:poisoned] = detail
            return images, labels
        return (1 - images if purpose == "inverted" else images), labels


def pruned(architecture: LayeredArchitecture, theta: Tensor, *, share: float = 0.3) -> Tensor:
    """The smallest weights of each tensor set to 0, ``(networks, P)``."""
    found = theta.clone()
    for one in architecture.weighted:
        part = found[:, one.weight.start : one.weight.stop]
        part[part.abs() < part.abs().quantile(share, dim=1, keepdim=True)] = 0
    return found


def _published(architecture: LayeredArchitecture, theta: Tensor, form: Tensor) -> Tensor:
    found = torch.where((form % 2 == 1)[:, None], pruned(architecture, theta), theta)
    return torch.where((form > 1)[:, None], found.bfloat16().float(), found)


def images_of(split: str, count: int) -> tuple[Tensor, Tensor]:
    """The first images, of 14 x 14 pixels from 0 to 1, and their labels."""
    found = load_images("fashion_mnist")
    chosen = np.flatnonzero(found.split == split)[:count]
    pixels = torch.from_numpy(found.images[chosen]).float()[:, None] / 255
    return F.avg_pool2d(pixels, 2), torch.from_numpy(found.labels[chosen]).long()


def _initial(architecture: LayeredArchitecture, count: int, stream: torch.Generator) -> Tensor:
    theta = 0.05 * torch.randn(count, architecture.num_parameters, generator=stream)
    for one in architecture.weighted:
        fan = float(torch.Size(one.weight.shape[1:]).numel())
        theta[:, one.weight.start : one.weight.stop] *= 20 * (2 / fan) ** 0.5
    return theta
