"""Training many networks of one module at once, each with hyper-parameters and images of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, vmap

from scalegmn.errors import ConfigurationError
from scalegmn.networks import positioned
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns import Optimizers

from ._design import Classifier
from ._initialization import is_map
from ._recipe import ClassifierHyper

# As the maker of convolutional networks has it: far beyond what a network learns, and far below what
# overflows in float32.
_LARGEST: Final = 1e4


@final
class ClassifierTraining:
    """B networks of one module in training.

    Networks do not influence each other.  A step is one mini-batch for every network, with the statistics
    of that mini-batch in each batch norm; the images that do not fill a mini-batch are left out of a round
    through the images.  A network has diverged if its loss or gradient is not finite or a parameter
    exceeds 10,000: it goes back to where it was before that step and stays there.

    Args:
        module: of all networks; its own parameters are not read, and it is left in training mode.
        starts: state dicts, one per network; batch norm's statistics among them.
        networks: hyper-parameters, one for every network; `steps` is not read here.
        images: ``(N, C, H, W)``, the same for all networks.
        labels: from 0, ``(B, N)``.
        shares: which of the images each network sees, one vector per network.
        batch_size: images per step.
        penalty: is added to the sum of all losses that gradients are taken of; a number, from the parameters
            ``(B, *shape)`` by name.

    Raises:
        ConfigurationError: a network sees fewer images than a mini-batch has.
    """

    def __init__(
        self,
        *,
        module: Classifier,
        starts: Sequence[Mapping[str, Tensor]],
        networks: Sequence[ClassifierHyper],
        images: Tensor,
        labels: Tensor,
        shares: Sequence[Tensor],
        batch_size: int,
        penalty: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
    ) -> None:
        fewest = min(map(len, shares))
        if fewest < batch_size:
            raise ConfigurationError(
                f"batch_size is {batch_size} and a network sees {fewest} images; expected at least a "
                "mini-batch: use more images, larger fractions of them, or smaller mini-batches"
            )
        self._module, self._penalty = module.train(), penalty
        self._networks = list(networks)
        self._images, self._labels, self._batch = images, labels, batch_size
        self._shares = [share.cpu().numpy() for share in shares]
        self._parameters = positioned((name, tuple(p.shape)) for name, p in module.named_parameters())
        self._theta = torch.stack([self._flat(start) for start in starts]).to(images)
        self._buffers = {
            name: torch.stack([start[name] for start in starts]).to(images.device)
            for name, _ in module.named_buffers()
        }
        if images.dtype == torch.float64:
            self._buffers = {n: b.double() if b.is_floating_point() else b for n, b in self._buffers.items()}
        masks = [torch.full_like(p, float(is_map(name, p))) for name, p in module.named_parameters()]
        mask = torch.cat([part.detach().flatten() for part in masks]).to(images)
        self._decay = 2 * self._column([n.l2 for n in networks]) * mask
        self._optimizers = Optimizers(
            kinds=[n.optimizer for n in networks],
            learning_rate=self._column([n.learning_rate for n in networks])[:, 0],
            like=self._theta,
        )
        self._diverged = torch.zeros(len(starts), dtype=torch.bool, device=images.device)
        self._orders: dict[tuple[int, int], np.ndarray] = {}
        self.steps = 0
        self._hold()

    def _flat(self, state: Mapping[str, Tensor]) -> Tensor:
        return torch.cat([state[p.name].flatten() for p in self._parameters])

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self._theta.dtype, device=self._theta.device)[:, None]

    def _hold(self) -> None:
        """Views of the parameters that gradients are taken by, and a copy to go back to."""
        self._leaves = {
            p.name: self._theta[:, p.start : p.stop].view(-1, *p.shape).requires_grad_()
            for p in self._parameters
        }
        self._before = (self._theta.clone(), {name: b.clone() for name, b in self._buffers.items()})

    @property
    def diverged(self) -> Tensor:
        """Which networks have diverged so far, ``(B,)``."""
        return self._diverged.clone()

    def state(self, place: int) -> dict[str, Tensor]:
        """A copy of the state dict of a network, as a module has it; not in its order."""
        own = {p.name: self._theta[place, p.start : p.stop].view(p.shape).clone() for p in self._parameters}
        return own | {name: tensor[place].clone() for name, tensor in self._buffers.items()}

    def is_sound(self, place: int) -> bool:
        """Whether all numbers of a network are finite and no parameter is beyond 10,000, as of now.

        A step checks what the step before it left, so nobody has checked what the last one left.
        """
        finite = all(bool(torch.isfinite(buffer[place]).all()) for buffer in self._buffers.values())
        return finite and bool((self._theta[place].abs() <= _LARGEST).all())

    def keep(self, places: Sequence[int]) -> None:
        """Go on with some of the networks only."""
        chosen = torch.tensor(places, dtype=torch.long, device=self._theta.device)
        self._networks = [self._networks[place] for place in places]
        self._shares = [self._shares[place] for place in places]
        self._labels, self._theta = self._labels[chosen], self._theta[chosen]
        self._buffers = {name: tensor[chosen] for name, tensor in self._buffers.items()}
        before = self._before
        self._decay, self._diverged = self._decay[chosen], self._diverged[chosen]
        self._optimizers.keep(chosen)
        self._orders = {}
        self._hold()
        self._before = (before[0][chosen], {name: tensor[chosen] for name, tensor in before[1].items()})

    @torch.no_grad()
    def step(self) -> None:
        """One mini-batch for every network."""
        rows = self._rows()
        inputs = self._images[rows.flatten()].unflatten(0, rows.shape)
        with torch.enable_grad():
            losses, gradient = self.gradient(inputs, self._labels.gather(1, rows), keep=self._keep_factors())
        within = self._theta.abs().amax() <= _LARGEST
        if not (torch.isfinite(losses.sum() + gradient.sum()) & within):
            sound = torch.isfinite(losses) & torch.isfinite(gradient).all(dim=1)
            self._stop(~sound | (self._theta.abs().amax(dim=1) > _LARGEST))
        change = self._optimizers.step(gradient)
        if self._diverged.any():
            change[self._diverged] = 0
            for name, buffer in self._buffers.items():
                buffer[self._diverged] = self._before[1][name][self._diverged]
        self._before[0].copy_(self._theta)
        for name, buffer in self._buffers.items():
            self._before[1][name].copy_(buffer)
        self._theta.sub_(change)
        self.steps += 1

    def gradient(self, inputs: Tensor, labels: Tensor, *, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy ``(B,)`` on a mini-batch, and the derivative ``(B, P)`` of the whole loss.

        The statistics of batch norms move on.

        Args:
            inputs: ``(B, n, C, H, W)``.
            labels: ``(B, n)``.
            keep: factors of dropout, ``(B, n, F)``, or none.
        """
        logits = self._logits(inputs, keep)
        losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none").mean(dim=1)
        # No network's loss depends on another's parameters, so the gradient of the sum is that of each.
        total = losses.sum() if self._penalty is None else losses.sum() + self._penalty(self._leaves)
        parts = torch.autograd.grad(total, list(self._leaves.values()))
        gradient = torch.cat([part.flatten(1) for part in parts], dim=1)
        return losses.detach(), gradient.addcmul_(self._decay, self._theta)

    def _logits(self, inputs: Tensor, keep: Tensor | None) -> Tensor:
        """``(B, n, classes)``; batch norms write their statistics into the buffers of each network."""

        def one(leaves: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor, k: Tensor | None) -> Tensor:
            logits: Tensor = functional_call(self._module, (leaves, buffers), (x, k))
            return logits

        each = vmap(one, in_dims=(0, 0, 0, None if keep is None else 0))
        logits: Tensor = each(self._leaves, self._buffers, inputs, keep)
        return logits

    def _rows(self) -> Tensor:
        """The images of this step, ``(B, n)``; each goes round through its own share."""
        rows = []
        for place, (hyper, share) in enumerate(zip(self._networks, self._shares, strict=True)):
            per_round = len(share) // self._batch
            turn, part = divmod(self.steps, per_round)
            if (place, turn) not in self._orders:
                self._orders.pop((place, turn - 1), None)
                order = numpy_generator(hyper.seed, "order", turn).permutation(len(share))
                self._orders[place, turn] = order
            order = self._orders[place, turn]
            rows.append(share[order[part * self._batch : (part + 1) * self._batch]])
        return torch.from_numpy(np.stack(rows)).to(self._images.device)

    def _keep_factors(self) -> Tensor | None:
        """Inverted dropout: 0 with the rate of the network, and else 1 / (1 - rate), ``(B, n, F)``."""
        if not any(hyper.dropout for hyper in self._networks):
            return None
        shape = (self._batch, self._module.head.in_features)
        factors = [
            (numpy_generator(hyper.seed, "dropout", self.steps).random(shape) >= hyper.dropout)
            / (1 - hyper.dropout)
            for hyper in self._networks
        ]
        return torch.from_numpy(np.stack(factors)).to(self._images)

    def _stop(self, broken: Tensor) -> None:
        """Mark networks as diverged, and put them back; their statistics follow in :meth:`step`."""
        new = broken & ~self._diverged
        self._theta[new] = self._before[0][new]
        self._diverged |= new
