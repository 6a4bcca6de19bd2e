"""Training many networks of one architecture at once, each with hyper-parameters and images of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from scalegmn.errors import ConfigurationError
from scalegmn.networks import LayeredArchitecture, Weighted
from scalegmn.seeding import numpy_generator
from scalegmn.zoo.cnns._forward import forward
from scalegmn.zoo.cnns._hyperparameters import Hyperparameters
from scalegmn.zoo.cnns._noise import DropoutTape
from scalegmn.zoo.cnns._optimizer import Optimizers

# Networks times images that are evaluated at once.
_MOST_JUDGED: Final = 512
# Far beyond what a network learns, and far below what overflows in float32.  When sums overflow, it depends
# on the processor whether an infinity or NaN comes out (a fused multiply-add never sees inf - inf), and a
# bounded activation turns the former into a harmless 1.
_LARGEST: Final = 1e4


@final
@dataclass(frozen=True, eq=False)
class TrainingFigures:
    """Accuracy and mean cross-entropy of networks on images, ``(B,)``
    float64.
    """

    accuracy: Tensor
    loss: Tensor


@final
class CnnTraining:
    """B networks of one architecture in training.

    Networks do not influence each other.  A step is one mini-batch for every network; the images of an
    epoch that do not fill a mini-batch are left out of it.  A network has diverged if its loss or gradient
    is not finite or a parameter exceeds 10,000: it goes back to its parameters before that step and stays
    there.

    Args:
        architecture: of all networks; dense layers, convolutions, pools, skips, any activation.
        theta: parameters to start from, ``(B, P)``; not changed.
        networks: hyper-parameters, one for every network.  `activation`, `w_init`, `init_std` and
            `train_fraction` are not read here.
        images: ``(N, *features)``, the same for all networks, or ``(B, N, *features)``.
        labels: from 0, ``(N,)`` or ``(B, N)``.
        shares: which of the images each network sees, ``(B, m)``; by default all.
        batch_size: images per step; fewer where a network has fewer.
        penalty: is added to the sum of all losses that gradients are taken of; a number, from the parameters
            ``(B, *shape)`` by name.

    Raises:
        ConfigurationError: shapes do not fit.
    """

    def __init__(
        self,
        *,
        architecture: LayeredArchitecture,
        theta: Tensor,
        networks: Sequence[Hyperparameters],
        images: Tensor,
        labels: Tensor,
        shares: Tensor | None = None,
        batch_size: int,
        penalty: Callable[[Mapping[str, Tensor]], Tensor] | None = None,
    ) -> None:
        count = len(theta)
        self._penalty = penalty
        self.architecture = architecture
        self._networks = tuple(networks)
        self._images = _Images(images, labels, networks=count)
        everything = torch.arange(self._images.count).expand(count, -1)
        self._shares = everything if shares is None else shares.cpu()
        if len(self._networks) != count or len(self._shares) != count:
            raise ConfigurationError(
                f"{count} networks, but {len(self._networks)} sets of hyper-parameters and "
                f"{len(self._shares)} fractions of images; expected one each"
            )
        self._batch = min(batch_size, self._shares.shape[1])
        if self._batch < 1:
            raise ConfigurationError(
                f"batch_size is {batch_size} and a network sees {self._shares.shape[1]} images; "
                "expected 1 or more"
            )
        self._theta = theta.detach().clone()
        self._before, self._anchor = self._theta.clone(), self._theta.clone()
        self._diverged = torch.zeros(count, dtype=torch.bool, device=theta.device)
        self._decay = 2 * self._column([n.l2 for n in networks]) * _is_weight(architecture).to(theta)
        rates = self._column([n.learning_rate for n in networks])[:, 0]
        kinds = [n.optimizer for n in networks]
        self._optimizers = Optimizers(kinds=kinds, learning_rate=rates, like=self._theta)
        dropout = self._column([n.dropout for n in networks])[:, 0]
        self._tape = DropoutTape(rates=dropout, images=self._batch) if bool((dropout > 0).any()) else None
        self._epochs = 0
        self._leaves: dict[str, Tensor] = {
            p.name: self._theta[:, p.start : p.stop].view(count, *p.shape).requires_grad_()
            for p in architecture.parameters
        }

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self._theta.dtype, device=self._theta.device)[:, None]

    @property
    def theta(self) -> Tensor:
        """A copy of the parameters now, ``(B, P)``; always finite."""
        return self._theta.detach().clone()

    @property
    def diverged(self) -> Tensor:
        """Which networks have diverged so far, ``(B,)``."""
        return self._diverged.clone()

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return self._epochs

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches of an epoch."""
        return self._shares.shape[1] // self._batch

    def epoch(self, report: Callable[[float], None] | None = None) -> None:
        """One epoch for every network; `report` is told what part of it was done since, and may raise."""
        order = self._order()
        starts = None if self._tape is None else self._starts()
        for step in range(self.steps_per_epoch):
            rows = order[:, step * self._batch : (step + 1) * self._batch]
            if self._tape is not None and starts is not None:
                self._tape.begin(starts[:, step])
            self._step(*self._images.take(rows))
            if report is not None:
                report(1 / self.steps_per_epoch)
        self._epochs += 1

    def _order(self) -> Tensor:
        """The images of an epoch, ``(B, m)``, each network's share in its own order."""
        count = self._shares.shape[1]
        orders = [numpy_generator(n.seed, "order", self._epochs).permutation(count) for n in self._networks]
        return self._shares.gather(1, torch.from_numpy(np.stack(orders)))

    def _starts(self) -> Tensor:
        """Where on the tape of dropout each step of an epoch begins, ``(B, steps)``."""
        size = (self.steps_per_epoch,)
        drawn = [
            numpy_generator(n.seed, "dropout", self._epochs).integers(2**31, size=size)
            for n in self._networks
        ]
        return torch.from_numpy(np.stack(drawn)).to(self._theta.device)

    def gradient(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy ``(B,)`` on a mini-batch, and the derivative ``(B, P)`` of the whole loss.

        Args:
            inputs: ``(B, H, C, W, n)`` or ``(B, F, n)``.
            labels: ``(B, n)``.
        """
        logits = forward(self.architecture, self._leaves, inputs, drop=self._tape)
        losses = F.cross_entropy(logits, labels, reduction="none").mean(dim=1)
        total = losses.sum() if self._penalty is None else losses.sum() + self._penalty(self._leaves)
        parts = torch.autograd.grad(total, list(self._leaves.values()))
        gradient = torch.cat([part.flatten(1) for part in parts], dim=1)
        return losses.detach(), gradient.addcmul_(self._decay, self._theta)

    @torch.no_grad()
    def _step(self, inputs: Tensor, labels: Tensor) -> None:
        with torch.enable_grad():
            losses, gradient = self.gradient(inputs, labels)
        within = torch.linalg.vector_norm(self._theta, torch.inf) <= _LARGEST
        if not (torch.isfinite(losses.sum() + gradient.sum()) & within):
            sound = torch.isfinite(losses) & torch.isfinite(gradient).all(dim=1) & self._within()
            self._stop(~sound, self._before)
        change = self._optimizers.step(gradient)
        if self._diverged.any():
            change = torch.where(self._diverged[:, None], torch.zeros_like(change), change)
        self._before.copy_(self._theta)
        self._theta.sub_(change)

    def _within(self) -> Tensor:
        """Which networks have no parameter that is absurdly large, ``(B,)``."""
        return self._theta.abs().amax(dim=1) <= _LARGEST

    def _stop(self, broken: Tensor, earlier: Tensor) -> None:
        """Mark networks as diverged, and put them back."""
        new = broken & ~self._diverged
        self._theta[new] = earlier[new]
        self._diverged |= new

    @torch.no_grad()
    def evaluate(self, images: Tensor, labels: Tensor) -> TrainingFigures:
        """Figures of the parameters as they are, without dropout and without the penalty on weights.

        Args:
            images: ``(n, *features)``, the same for all networks, or ``(B, n, *features)``.
            labels: ``(n,)`` or ``(B, n)``.
        """
        source = _Images(images, labels, networks=len(self._theta))
        return self._judge(
            source, torch.arange(source.count).expand(len(self._theta), -1), alike=not source.own
        )

    def _judge(self, source: _Images, rows: Tensor, *, alike: bool) -> TrainingFigures:
        step = max(1, _MOST_JUDGED // max(1, len(self._theta)))
        hits, loss = torch.zeros(2, len(self._theta), dtype=torch.float64, device=self._theta.device)
        for start in range(0, rows.shape[1], step):
            inputs, labels = source.take(rows[: 1 if alike else None, start : start + step])
            logits = forward(self.architecture, self._leaves, inputs)
            labels = labels.expand(len(logits), -1)
            hits += (logits.argmax(dim=1) == labels).sum(dim=1)
            loss += F.cross_entropy(logits, labels, reduction="none").double().sum(dim=1)
        return TrainingFigures(hits / max(1, rows.shape[1]), loss / max(1, rows.shape[1]))

    @torch.no_grad()
    def settle(self, images: Tensor, labels: Tensor) -> tuple[TrainingFigures, TrainingFigures]:
        """Figures on the images of training and on others, all finite.

        Networks for which they are not, or which have a parameter beyond 10,000, have diverged; they go
        back to the step before, or to the last call of this method, or to the start.

        Raises:
            ConfigurationError: the figures of the start itself are not finite, or its parameters too large.
        """
        for earlier in (self._before, self._anchor, None):
            own = self._judge(self._images, self._shares, alike=False)
            other = self.evaluate(images, labels)
            broken = ~(torch.isfinite(own.loss) & torch.isfinite(other.loss) & self._within())
            if not broken.any():
                self._anchor.copy_(self._theta)
                return own, other
            if earlier is not None:
                self._diverged &= ~broken
                self._stop(broken, earlier)
        raise ConfigurationError(
            f"the loss of networks {torch.nonzero(broken).flatten().tolist()} is not finite, or a parameter "
            f"is beyond {_LARGEST:,.0f}, at the start of their training; start from smaller parameters"
        )


class _Images:
    """Images that are taken by rows and arrive in the layout of :mod:`.cnn_forward`."""

    def __init__(self, images: Tensor, labels: Tensor, *, networks: int) -> None:
        self.own = labels.ndim == 2
        self.count = labels.shape[-1]
        leading = (networks, self.count) if self.own else (self.count,)
        if tuple(labels.shape) != leading or tuple(images.shape[: len(leading)]) != leading:
            raise ConfigurationError(
                f"images of shape {tuple(images.shape)} and labels of shape {tuple(labels.shape)} for "
                f"{networks} networks; expected (N, *features) and (N,), or (B, N, *features) and (B, N)"
            )
        if images.ndim == len(leading) + 3:
            # From (C, H, W) to the order in which maps are kept, (H, C, W).
            images = images.transpose(-3, -2)
        self._features = images.shape[len(leading) :]
        self._rows = images.reshape(-1, self._features.numel())
        self._labels = labels.reshape(-1)

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs ``(B, H, C, W, n)`` or ``(B, F, n)``, labels ``(B, n)``, for the rows ``(B, n)``."""
        if self.own:
            rows = rows + self.count * torch.arange(len(rows))[:, None]
        flat = rows.flatten().to(self._rows.device)
        pixels = self._rows.index_select(0, flat).view(*rows.shape, -1)
        inputs = pixels.mT.contiguous().view(len(rows), *self._features, rows.shape[1])
        return inputs, self._labels.index_select(0, flat).view(rows.shape)


def _is_weight(architecture: LayeredArchitecture) -> Tensor:
    """1 for the weights of layers, 0 for biases and learned slopes, ``(P,)``."""
    mask = torch.zeros(architecture.num_parameters)
    for layer in architecture.layers:
        if isinstance(layer, Weighted):
            place = architecture.parameter(f"{layer.name}.weight")
            mask[place.start : place.stop] = 1
    return mask
