"""Networks per second of ScaleGMN at the published settings, in training and in inference.

    python -m benchmarks.throughput [--settings mnist_cls/scalegmn ...] [--batch-size 16] [--seconds 10]
                                    [--threads N] [--device cpu] [--precision float32|bfloat16] [--compile]
                                    [--processor-seconds] [--check | --record]

One training step is forward, backward and AdamW on a random batch.  The batch is put together once;
its graph is made anew in every step, as in training.  Every rate is also given per GFLOP/s of a matrix
product of 18,000 x 128 by 128 x 128 that is measured in the same run, before and after each setting (the
better of the two counts), so that machines can be compared; "times" is that figure over the one measured for
the public code of the paper (168 GFLOP/s on 2 cores, float32, batches of 16).  All rates are those of the
best of thirty rounds, of at least one step each.  Prints the load of the machine, because a shared machine
makes the figures smaller; with `--processor-seconds --threads 1` others disturb least.

`--record` writes "times" into `benchmarks/recorded.json`, with machine and date; `--check` compares with what
was recorded and exits with status 1, naming setting and figures, when one has fallen under half.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from benchmarks import recorded
from benchmarks.published import SETTINGS, Setting
from torch import Tensor

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.training import kept_memory, parse_config

CONFIGS = Path(__file__).parents[1] / "src" / "scalegmn" / "configs"


def product_gflops(device: str, clock: Callable[[], float] = time.perf_counter) -> float:
    """Of 18,000 x 128 by 128 x 128 in float32."""
    a, b = torch.randn(18_000, 128, device=device), torch.randn(128, 128, device=device)
    seconds = 1 / rate(lambda: a @ b, seconds=1.5, device=device, clock=clock)
    return 2e-9 * a.numel() * b.shape[1] / seconds


def rate(
    step: Callable[[], object],
    *,
    seconds: float,
    device: str,
    clock: Callable[[], float] = time.perf_counter,
    rounds: int = 30,
) -> float:
    """Calls per second, after a warm-up; the best of several rounds, which take `seconds` together.

    So many rounds that one of them is left in peace by the other programs of the machine.
    """
    synchronize = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    for _ in range(2):
        step()
    best = 0.0
    for _ in range(rounds):
        synchronize()
        began, calls = clock(), 0
        while clock() - began < seconds / rounds:
            step()
            calls += 1
        synchronize()
        best = max(best, calls / (clock() - began))
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
    spec = GraphSpec.from_architectures(setting.architectures)
    if setting.outputs is None:
        editor = ScaleGMNEditor(spec=spec, config=config)
        return editor, lambda batch: torch.cat([theta for _, theta in editor.edit(batch).parts])
    judge = ScaleGMN(spec=spec, outputs=setting.outputs, config=config)
    return judge, judge.predict


def measure(setting: Setting, options: argparse.Namespace) -> tuple[float, float]:
    """Networks per second in training and in inference."""
    path = CONFIGS / f"{setting.config}.yaml"
    config, problems = parse_config(["--config", str(path)])
    assert config is not None and not problems, problems
    torch.manual_seed(0)
    model, ask = model_of(setting, config.options.of(ModelConfig))
    model.to(options.device)
    if options.compile:
        model.compile(dynamic=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
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

    def networks_per_second(step: Callable[[], None]) -> float:
        return len(batch) * rate(
            step, seconds=options.seconds, device=options.device, clock=clock_of(options)
        )

    with kept_memory():
        training = networks_per_second(train)
        model.eval()
        return training, networks_per_second(infer)


def clock_of(options: argparse.Namespace) -> Callable[[], float]:
    return time.process_time if options.processor_seconds else time.perf_counter


def way_of(options: argparse.Namespace) -> str:
    """What figures of one kind have in common; they are recorded under it."""
    manner = "compiled" if options.compile else "eager"
    kind = options.device.split(":")[0]
    return f"{kind} {options.precision} {manner}, batches of {options.batch_size}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--processor-seconds", action="store_true", help="not the clock's: for busy machines")
    after = parser.add_mutually_exclusive_group()
    after.add_argument(
        "--check", action="store_true", help="fail when a figure is under half of the recorded"
    )
    after.add_argument("--record", action="store_true", help="write the figures into recorded.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    before = product_gflops(options.device, clock_of(options))
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    heads = ("GFLOP/s", "training/s", "per GFLOP/s", "times", "inference/s", "per GFLOP/s", "times")
    print(f"{'setting':30}" + "".join(f"{head:>13}" for head in heads))
    reached = {}
    for name in options.settings:
        setting = SETTINGS[name]
        rates = dict(zip(recorded.KINDS, measure(setting, options), strict=True))
        after = product_gflops(options.device, clock_of(options))
        gflops, before = max(before, after), after
        line = f"{name:30}{gflops:13.0f}"
        reached[name] = {kind: setting.public.times(kind, rates[kind] / gflops) for kind in rates}
        for kind, found in rates.items():
            line += f"{found:13.1f}{found / gflops:13.3f}{reached[name][kind]:13.2f}"
        print(line, flush=True)
    if options.record:
        recorded.record(way_of(options), reached)
        print(f"recorded in {recorded.FILE}")
    if options.check:
        if lines := recorded.falls(way_of(options), reached):
            raise SystemExit("\n".join(lines))
        print("no figure is under half of what was recorded")


if __name__ == "__main__":
    main()
