"""Networks per second of ScaleGMN at the published settings, in training and in inference.

    python -m benchmarks.throughput [--settings mnist_cls/scalegmn ...] [--batch_size 16] [--seconds 10]
                                    [--threads N] [--device cpu] [--precision float32|bfloat16] [--compile]

One training step is forward, backward and AdamW on a random batch.  The batch is put together once;
its graph is made anew in every step, as in training.  Every rate is also given per GFLOP/s of a matrix
product of 18,000 x 128 by 128 x 128 that is measured in the same run, so that machines can be compared;
"times" is that figure over the one measured for the public code of the paper (168 GFLOP/s on 2 cores,
float32, batches of 16).  Prints the load of the machine, because a shared machine makes the figures smaller.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.networks.activations import Activation
from scalegmn.networks.architecture import Architecture
from scalegmn.networks.factories import cnn, siren
from scalegmn.training.memory import kept_memory
from scalegmn.training.parsing import parse_config

CONFIGS = Path(__file__).parents[1] / "configs"
PUBLIC_GFLOPS = 168.0


@dataclass(frozen=True)
class Setting:
    """A published setting and what the public code reached at it, in networks per second."""

    config: str
    architectures: tuple[Architecture, ...]
    outputs: int | None
    public_training: float
    public_inference: float


def _cnns(*kinds: str) -> tuple[Architecture, ...]:
    return tuple(cnn(activations=[Activation(kind)] * 3) for kind in kinds)


MNIST = (siren(widths=(2, 32, 32, 1), frequency=30.0),)
SETTINGS = {
    "mnist_cls/scalegmn": Setting("inr_classification/mnist", MNIST, 10, 10.3, 42.3),
    "mnist_cls/scalegmn_bidir": Setting("inr_classification/mnist_bidir", MNIST, 10, 6.1, 24.2),
    "cifar10/scalegmn_relu": Setting("generalization/cifar10_relu", _cnns("relu"), 1, 34.1, 130.1),
    "cifar10/scalegmn_relu_bidir": Setting("generalization/cifar10_relu_bidir", _cnns("relu"), 1, 18.1, 65.0),
    "cifar10/scalegmn_hetero_bidir": Setting(
        "generalization/cifar10_hetero_bidir", _cnns("relu", "tanh"), 1, 8.6, 30.9
    ),
    "mnist_editing/scalegmn_bidir": Setting("inr_editing/mnist_bidir", MNIST, None, 4.8, 19.1),
}


def product_gflops(device: str) -> float:
    """Of 18,000 x 128 by 128 x 128 in float32."""
    a, b = torch.randn(18_000, 128, device=device), torch.randn(128, 128, device=device)
    seconds = 1 / rate(lambda: a @ b, seconds=1.0, device=device)
    return 2e-9 * a.numel() * b.shape[1] / seconds


def rate(step: Callable[[], object], *, seconds: float, device: str) -> float:
    """Calls per second, after a warm-up; the best of three rounds."""
    synchronise = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    for _ in range(2):
        step()
    best = 0.0
    for _ in range(3):
        synchronise()
        began, calls = time.perf_counter(), 0
        while time.perf_counter() - began < seconds / 3:
            step()
            calls += 1
        synchronise()
        best = max(best, calls / (time.perf_counter() - began))
    return best


def batch_of(setting: Setting, size: int, device: str) -> NetworkBatch:
    each = size // len(setting.architectures)
    parts = tuple((a, 0.1 * torch.randn(each, a.num_parameters)) for a in setting.architectures)
    return NetworkBatch(parts, torch.arange(each * len(parts))).to(device)


def fresh(batch: NetworkBatch) -> NetworkBatch:
    """The same networks without what was computed for them before."""
    return NetworkBatch(batch.parts, batch.positions)


def model_of(
    setting: Setting, config: ModelConfig
) -> tuple[torch.nn.Module, Callable[[NetworkBatch], Tensor]]:
    """A new model, and what asks it about a batch."""
    spec = GraphSpec.of(setting.architectures)
    if setting.outputs is None:
        editor = ScaleGMNEditor(spec=spec, config=config)
        return editor, lambda batch: torch.cat([theta for _, theta in editor.edit(batch).parts])
    judge = ScaleGMN(spec=spec, outputs=setting.outputs, config=config)
    return judge, judge.answer


def measure(setting: Setting, options: argparse.Namespace) -> tuple[float, float]:
    """Networks per second in training and in inference."""
    path = CONFIGS / f"{setting.config}.yaml"
    config, mistakes = parse_config(["--config", str(path)])
    assert config is not None and not mistakes, mistakes
    torch.manual_seed(0)
    model, ask = model_of(setting, config.model)
    model.to(options.device)
    if options.compile:
        model.compile(dynamic=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batch = batch_of(setting, options.batch_size, options.device)
    kind = options.device.split(":")[0]

    def numbers() -> contextlib.AbstractContextManager[object]:
        low = options.precision == "bfloat16"
        return torch.autocast(kind, torch.bfloat16) if low else contextlib.nullcontext()

    def train() -> None:
        optimizer.zero_grad()
        with numbers():
            loss = ask(fresh(batch)).float().square().mean()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def infer() -> None:
        with numbers():
            ask(fresh(batch))

    networks = sum(len(theta) for _, theta in batch.parts)
    with kept_memory():
        training = networks * rate(train, seconds=options.seconds, device=options.device)
        model.eval()
        return training, networks * rate(infer, seconds=options.seconds, device=options.device)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    gflops = product_gflops(options.device)
    threads, load = torch.get_num_threads(), os.getloadavg()[0]
    print(f"matrix product: {gflops:.0f} GFLOP/s, {threads} threads, load {load:.1f}")
    heads = ("training/s", "per GFLOP/s", "times", "inference/s", "per GFLOP/s", "times")
    print(f"{'setting':30}" + "".join(f"{head:>13}" for head in heads))
    for name in options.settings:
        setting = SETTINGS[name]
        line = f"{name:30}"
        public = (setting.public_training, setting.public_inference)
        for found, its in zip(measure(setting, options), public, strict=True):
            times = found / gflops / (its / PUBLIC_GFLOPS)
            line += f"{found:13.1f}{found / gflops:13.3f}{times:13.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
