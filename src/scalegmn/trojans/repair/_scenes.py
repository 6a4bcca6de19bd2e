"""What networks do with clean images and with triggers, differentiably in their parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch, Records, join
from scalegmn.images import ImageSet
from scalegmn.seeding import numpy_generator
from scalegmn.trojans.making import TrojanImages, attacked_labels
from scalegmn.trojans.triggers import Trigger, check_images
from scalegmn.zoo.cnns import image_outputs, unit_pixels

# Images that are evaluated at once where no gradient is wanted.
_BLOCK: Final = 128


@final
@dataclass(frozen=True, eq=False)
class LabeledImages:
    """Images ``(n, C, H, W)`` from 0 to 1, before the networks' preprocessing, and labels ``(n,)``.

    Raises:
        TriggerError: the images are not floating point from 0 to 1.
        ConfigurationError: there is not one label per image.
    """

    pixels: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        check_images(self.pixels)
        if self.pixels.ndim != 4 or self.labels.shape != self.pixels.shape[:1]:
            raise ConfigurationError(
                f"images of shape {tuple(self.pixels.shape)} with labels of shape "
                f"{tuple(self.labels.shape)}; expected (n, C, H, W) and (n,)"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_image_set(cls, images: ImageSet) -> LabeledImages:
        """All of some images."""
        return cls(unit_pixels(images), torch.from_numpy(images.labels))

    def at(self, places: Tensor) -> LabeledImages:
        """The images at these places."""
        return LabeledImages(self.pixels[places], self.labels[places])

    def to(self, device: torch.device) -> LabeledImages:
        """Move the images to another device."""
        return LabeledImages(self.pixels.to(device), self.labels.to(device))


@final
@dataclass(frozen=True, eq=False)
class RepairImages:
    """The images of a population: for learning a repair, for choosing the best model, for testing it.

    Attributes:
        source: says how networks take images.
        learning, validation: training images of the population, disjoint.
        test: its test images.
    """

    source: TrojanImages
    learning: LabeledImages
    validation: LabeledImages
    test: LabeledImages

    @classmethod
    def from_trojan_images(cls, source: TrojanImages, *, validation: int) -> RepairImages:
        """Split the images; which are for validation is drawn once and for all.

        Raises:
            ConfigurationError: no image would be left to learn from.
        """
        count = len(source.train_labels)
        if validation >= count:
            raise ConfigurationError(
                f"repair: validation_images is {validation}, but there are {count} training images of "
                f"{source.source}; keep fewer, so that some are left to learn from"
            )
        train = LabeledImages(source.pixels["train"], source.train_labels)
        order = torch.from_numpy(numpy_generator(0, "repair", "images").permutation(count))
        return cls(
            source=source,
            learning=train.at(order[validation:]),
            validation=train.at(order[:validation]),
            test=LabeledImages(source.pixels["test"], source.test_labels),
        )


@final
@dataclass(frozen=True, eq=False)
class AttackScene:
    """What a network is evaluated with.

    Attributes:
        images: clean ones.
        trigger: to put into them.
        target: the attacker's class; -1 where every class has the next one as its target.
    """

    images: RepairImages
    trigger: Trigger
    target: int


@final
@dataclass(frozen=True, eq=False)
class RepairTargets(Records):
    """What a repair is learned from, and what is known of networks before it.

    Attributes:
        scenes: what each network is evaluated with.
        twins: parameters ``(P,)`` of each clean twin; None where the loss does not ask for them.
        trojaned: which networks are, ``(n,)``.
        c_acc, asr, ra: figures before repair, float64 ``(n,)``
            (:class:`~scalegmn.trojans.making._figures.TrojanFigures`).
    """

    scenes: tuple[AttackScene, ...]
    twins: tuple[Tensor, ...] | None
    trojaned: Bool[Tensor, "n"]
    c_acc: Float[Tensor, "n"]
    asr: Float[Tensor, "n"]
    ra: Float[Tensor, "n"]


@final
@dataclass(frozen=True, eq=False)
class RepairOutputs(Records):
    """What repaired networks do, ``(n,)`` each.

    Attributes:
        clean_loss, triggered_loss: cross-entropies with the true labels, on images as they are and with the
            trigger.
        c_acc, asr, ra: those of :class:`~scalegmn.trojans.making._figures.TrojanFigures`.
        distance: squared distance to the clean twin over its squared size; 0 where it does not count.
    """

    clean_loss: Float[Tensor, "n"]
    triggered_loss: Float[Tensor, "n"]
    c_acc: Float[Tensor, "n"]
    asr: Float[Tensor, "n"]
    ra: Float[Tensor, "n"]
    distance: Float[Tensor, "n"]


def evaluate_networks(
    batch: NetworkBatch,
    scenes: Sequence[AttackScene],
    images: LabeledImages,
    *,
    twins: Sequence[Tensor] | None = None,
) -> RepairOutputs:
    """Losses and figures of every network.

    The losses are differentiable in the parameters, the figures are not.

    Args:
        batch: the networks; their parameters may carry gradients.
        scenes: one for each network, all with images of the same source.
        images: the ones to evaluate with.
        twins: parameters ``(P,)`` of the clean twin of each network, to measure the distance to.

    Raises:
        ConfigurationError: all images are of the class of an attacker, so that an attack cannot be evaluated.
    """
    blocks = 1 if torch.is_grad_enabled() else -(-len(images) // _BLOCK)
    sums: Tensor | None = None
    for pixels, labels in zip(images.pixels.chunk(blocks), images.labels.chunk(blocks), strict=True):
        found = _block(batch, scenes, LabeledImages(pixels, labels))
        sums = found if sums is None else sums + found
    assert sums is not None, "there is at least one image"
    count = len(images)
    clean_loss, triggered_loss, right, attacked, recovered, others = sums.unbind(1)
    if not others.all():
        raise ConfigurationError(
            f"repair: all {count} images are of an attacker's class; evaluate with images of several classes"
        )
    return RepairOutputs(
        clean_loss=clean_loss / count,
        triggered_loss=triggered_loss / count,
        c_acc=right / count,
        asr=attacked / others,
        ra=recovered / others,
        distance=torch.zeros(len(batch), device=batch.device) if twins is None else _distances(batch, twins),
    )


def evaluate_with(
    batch: NetworkBatch,
    scenes: Sequence[AttackScene],
    choose: Callable[[RepairImages], LabeledImages],
    *,
    twins: Sequence[Tensor] | None = None,
) -> RepairOutputs:
    """Losses and figures of every network, with images of its own scene.

    Args:
        batch: the networks.
        scenes: one for each.
        choose: says which images of a source to evaluate with; asked once for each source.
        twins: as for :func:`evaluate_networks`.
    """
    sources = list({id(scene.images): scene.images for scene in scenes}.values())
    found, order = [], []
    for source in sources:
        places = [place for place, scene in enumerate(scenes) if scene.images is source]
        order += places
        own = evaluate_networks(
            _some(batch, places),
            [scenes[place] for place in places],
            choose(source).to(batch.device),
            twins=None if twins is None else [twins[place] for place in places],
        )
        found.append(own)
    return join(found)[torch.tensor(order, device=batch.device).argsort()]


def _some(batch: NetworkBatch, places: Sequence[int]) -> NetworkBatch:
    """Some networks of a batch, by their places in ascending order."""
    parts, start, wanted = [], 0, torch.tensor(places, device=batch.device)
    for architecture, theta in batch.parts:
        own = wanted[(wanted >= start) & (wanted < start + len(theta))] - start
        start += len(theta)
        if len(own):
            parts.append((architecture, theta[own]))
    return NetworkBatch(tuple(parts), batch.positions[wanted])


def _distances(batch: NetworkBatch, twins: Sequence[Tensor]) -> Tensor:
    """Squared distance to the clean twin over its squared size, ``(B,)``."""
    theta = (row for _, part in batch.parts for row in part)
    return torch.stack(
        [(new - twin).square().sum() / twin.square().sum() for new, twin in zip(theta, twins, strict=True)]
    )


def _block(batch: NetworkBatch, scenes: Sequence[AttackScene], images: LabeledImages) -> Tensor:
    """Sums over images, ``(B, 6)``: two losses, and four numbers of images."""
    source, found, place = scenes[0].images.source, [], 0
    clean = source.inputs(images.pixels)
    for architecture, theta in batch.parts:
        own = scenes[place : place + len(theta)]
        place += len(theta)
        triggered = torch.stack([source.inputs(scene.trigger.apply(images.pixels)) for scene in own])
        before, after = (image_outputs(architecture, theta, inputs) for inputs in (clean, triggered))
        labels = images.labels.expand(len(theta), -1)
        losses = [cross_entropy(logits, labels, reduction="none").sum(1) for logits in (before, after)]
        with torch.no_grad():
            targets = labels.new_tensor([scene.target for scene in own])[:, None]
            wanted = attacked_labels(labels, target=targets, classes=architecture.num_outputs)
            others, answers = labels != wanted, after.argmax(1)
            hits = [
                before.argmax(1) == labels,
                (answers == wanted) & others,
                (answers == labels) & others,
                others,
            ]
        found.append(torch.stack([*losses, *(hit.sum(1).to(theta) for hit in hits)], dim=1))
    return torch.cat(found)
