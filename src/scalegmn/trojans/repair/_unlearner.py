"""The repairer that comes with the library: it unlearns what a search for triggers finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

import torch
from torch import Tensor

from scalegmn import __version__
from scalegmn.checkpoints import read_tensors
from scalegmn.errors import CheckpointError
from scalegmn.networks import Architecture
from scalegmn.networks.recognition import Recognizer
from scalegmn.populations import sha256
from scalegmn.shipped import folder_name, shipped_model
from scalegmn.training import Run, device_called
from scalegmn.trojans.making import Preparation
from scalegmn.trojans.repair._outcome import SearchedClass
from scalegmn.trojans.repair._repairing import NetworkRepairer
from scalegmn.trojans.repair.defenses import ClassImages, TriggerUnlearning

SHIPPED_REPAIRER: Final = "scalegmn/trojan-repairer"
"""The repairer that comes with the library."""
_FAMILY: Final = "scalegmn/trojan-detector"
"""Whose architectures it repairs."""
_IMAGES: Final = "images.safetensors"
# Networks of other images agree with as many of the drawn ones by chance alone.
_LEAST_AGREEMENT: Final = 0.4
_SEED: Final = 0


@final
class TriggerUnlearner(NetworkRepairer):
    """Unlearns searched triggers of networks that classify known images; see
    :class:`~scalegmn.trojans.repair.defenses.TriggerUnlearning`.

    Args:
        images: what is known of the images of each class.
        architectures: of the networks that it repairs.
        name: for reports.
        device: where to compute; by default a GPU if there is one.

    Raises:
        ConfigurationError: there is no such device.
    """

    def __init__(
        self,
        images: ClassImages,
        architectures: Sequence[Architecture],
        *,
        name: str,
        device: str | None = None,
    ) -> None:
        self.method: Final = TriggerUnlearning(images)
        self._known: Final = tuple(architectures)
        self._name: Final = name
        self._device: Final = device_called(device)

    @classmethod
    def shipped(cls, *, device: str | None = None) -> TriggerUnlearner:
        """The one that comes with the library, whatever lies in the current folder.

        Raises:
            ConfigurationError: none came with it, or there is no such device.
            CheckpointError: its files were changed.
        """
        folder = shipped_model(SHIPPED_REPAIRER).verify()
        path = folder / _IMAGES
        images = ClassImages.from_tensors(read_tensors(path), origin=str(path))
        known = Run.open(shipped_model(_FAMILY).verify()).architectures
        return cls(images, known, name=folder_name(folder), device=device)

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """The architectures that it repairs."""
        return self._known

    @property
    def identity(self) -> Mapping[str, str]:
        content = b"".join(value.numpy().tobytes() for value in self.method.inputs.tensors().values())
        return {"run": self._name, "model_sha256": sha256(content), "version": __version__}

    def recognizer_with(self, own: Sequence[Architecture]) -> Recognizer:
        return Recognizer((*self._known, *own), beyond=False)

    def outside_note(self, architecture: Architecture) -> str | None:
        if architecture in self._known:
            return None
        return f"{architecture.describe()} is none of the architectures that the repair was measured with"

    def preparation_for(self, architecture: Architecture, pixels: Tensor) -> Preparation:
        channels, height, _ = self.method.inputs.shape
        return Preparation(channels == 1, None if height == pixels.shape[2] else height)

    def repair(self, architecture: Architecture, theta: Tensor) -> Tensor:
        """Repaired networks ``(N, P)``, on the CPU, in the precision of `theta`.  Needs the weights alone.

        Raises:
            CheckpointError: a network does not know the images of these classes, so that nothing can be said
                about it.
        """
        before = theta.detach().float().to(self._device)
        least = float(self.method.agreement(architecture, before).min())
        if not least >= _LEAST_AGREEMENT:
            raise CheckpointError(
                f"{self._name} abstains: the network is right on {least:.0%} of the images that are drawn "
                f"for the repair, expected {_LEAST_AGREEMENT:.0%} at least; it was trained on other images, "
                "so give a repairer that was trained for them with --model"
            )
        after = self.method.repair(architecture, before, images=None, seed=_SEED)
        return theta.detach().cpu() + (after - before).cpu().to(theta.dtype)

    def searched(self, architecture: Architecture, before: Tensor, after: Tensor) -> SearchedClass:
        networks = torch.stack([before, after]).float().to(self._device)
        target = int(self.method.targets(architecture, networks[:1])[0])
        reached = self.method.reached(architecture, networks, target).tolist()
        return SearchedClass(target, *reached)
