"""The published settings, and what was measured and counted for the public code of the paper at them.

Rates are networks per second on 2 cores in float32, batches of 16, beside `GFLOPS` of a matrix product of
18,000 x 128 by 128 x 128 on the same machine; one training step is forward, backward and AdamW.
"""

from __future__ import annotations

from dataclasses import dataclass

from scalegmn.networks import Activation, Architecture, cnn, siren

GFLOPS = 168.0


@dataclass(frozen=True)
class Public:
    """What the public code reached: networks per second, and MFLOP of a forward pass per network."""

    training: float
    inference: float
    mflop: float | None

    def times(self, kind: str, per_gflops: float) -> float:
        """How many times its rate per GFLOP/s is `per_gflops`; `kind` is "training" or "inference"."""
        return per_gflops / ({"training": self.training, "inference": self.inference}[kind] / GFLOPS)


@dataclass(frozen=True)
class Setting:
    """A published setting: configuration, networks, numbers per prediction (None for editors)."""

    config: str
    architectures: tuple[Architecture, ...]
    outputs: int | None
    public: Public


def _cnns(*kinds: str) -> tuple[Architecture, ...]:
    return tuple(cnn(activations=[Activation(kind)] * 3) for kind in kinds)


_MNIST = (siren(widths=(2, 32, 32, 1), frequency=30.0),)
SETTINGS = {
    "mnist_cls/scalegmn": Setting("inr_classification/mnist", _MNIST, 10, Public(10.3, 42.3, 3086)),
    "mnist_cls/scalegmn_bidir": Setting(
        "inr_classification/mnist_bidir", _MNIST, 10, Public(6.1, 24.2, 5358)
    ),
    "cifar10/scalegmn_relu": Setting(
        "generalization/cifar10_relu", _cnns("relu"), 1, Public(34.1, 130.1, 966)
    ),
    "cifar10/scalegmn_relu_bidir": Setting(
        "generalization/cifar10_relu_bidir", _cnns("relu"), 1, Public(18.1, 65.0, 1891)
    ),
    "cifar10/scalegmn_hetero_bidir": Setting(
        "generalization/cifar10_hetero_bidir", _cnns("relu", "tanh"), 1, Public(8.6, 30.9, None)
    ),
    "mnist_editing/scalegmn_bidir": Setting("inr_editing/mnist_bidir", _MNIST, None, Public(4.8, 19.1, 6784)),
}
