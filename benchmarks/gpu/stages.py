"""What is asked of the device, one function for each stage; rows of tables are written as they come.

python -m benchmarks.gpu.stages STAGE --device cuda --output FILE.json [--seconds 60] [--small]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

Row = dict[str, object]
SETTINGS_IN_PARTS = ("mnist_cls/scalegmn", "cifar10/scalegmn_relu")
"""Where compiling is tried; all six would take too long."""


def exactness(options: argparse.Namespace) -> Iterator[Row]:
    """In float64: answers under group elements, of both forms, and of the CPU."""
    from benchmarks.gpu.exactness import rows

    yield from rows(options.device)


def roofline(options: argparse.Namespace) -> Iterator[Row]:
    """Products of matrices and copies: what everything else is a share of."""
    side, numbers = (256, 2**16) if options.small else (8192, 2**29)
    for name, dtype, precise in (
        ("float32", torch.float32, True),
        ("TF32", torch.float32, False),
        ("bfloat16", torch.bfloat16, True),
    ):
        torch.backends.cuda.matmul.allow_tf32 = not precise
        a, b = (torch.randn(side, side, device=options.device, dtype=dtype) for _ in range(2))
        seconds = _seconds(lambda a=a, b=b: a @ b, options.device)
        tall, narrow = (
            torch.randn(18_000, 128, device=options.device, dtype=dtype),
            b[:128, :128].contiguous(),
        )
        small = _seconds(lambda tall=tall, narrow=narrow: tall @ narrow, options.device)
        yield {
            "what": f"products, {name}",
            "TFLOP/s": 2e-12 * side**3 / seconds,
            "TFLOP/s, 18,000 x 128 by 128 x 128": 2e-12 * 18_000 * 128**2 / small,
        }
    torch.backends.cuda.matmul.allow_tf32 = False
    x = torch.ones(numbers, device=options.device)
    y = torch.empty_like(x)
    yield {"what": "copy", "GB/s": 8e-9 * numbers / _seconds(lambda: y.copy_(x), options.device)}


def _raced(options: argparse.Namespace, *more: str) -> Iterator[Row]:
    """Rows of `benchmarks.throughput`."""
    size = 4 if options.small else 128
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "found.json"
        given = ["--device", options.device, "--batch-size", str(size), "--json", str(place), *more]
        given += ["--seconds", "0.1" if options.small else "3"]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.throughput", *given],
            check=False,
            capture_output=True,
            text=True,
        )
        for row in json.loads(place.read_text())["rows"] if place.is_file() else []:
            yield {
                "setting": row["setting"],
                "kind": row["kind"],
                **{f"{side}, networks/s": rate for side, rate in row["networks_per_second"].items()},
                **{f"times {side}": found[0] for side, found in row["times"].items()},
                "batch": size,
            }
        if done.returncode:
            raise SystemExit(done.stderr.strip()[-1500:])


def float32(options: argparse.Namespace) -> Iterator[Row]:
    yield from _raced(options, *_few(options))


def bfloat16(options: argparse.Namespace) -> Iterator[Row]:
    yield from _raced(options, "--precision", "bfloat16", *_few(options))


def compiled(options: argparse.Namespace) -> Iterator[Row]:
    chosen = SETTINGS_IN_PARTS[1:] if options.small else SETTINGS_IN_PARTS
    yield from _raced(options, "--compile", "--settings", *chosen)


def _few(options: argparse.Namespace) -> list[str]:
    return ["--settings", *SETTINGS_IN_PARTS] if options.small else []


def memory(options: argparse.Namespace) -> Iterator[Row]:
    """Peak memory of a training step beyond the model and its optimizer; of the device, so 0 on a CPU."""
    from benchmarks.published import SETTINGS
    from benchmarks.sides import ask_of, batch_of, config_of, model_of, plain_of

    from scalegmn.models import recompute_layers

    size = 2 if options.small else 64
    for name in SETTINGS_IN_PARTS if options.small else SETTINGS:
        row: Row = {"setting": name, "batch": size}
        for kind in ("ours", "again", "plain"):
            model = model_of(SETTINGS[name], config_of(SETTINGS[name])).to(options.device)
            model = plain_of(model) if kind == "plain" else model
            if kind == "again":
                recompute_layers(model)
            ask, batch = ask_of(model), batch_of(SETTINGS[name], size, options.device)
            row[f"{kind}, MiB"] = _peak(
                lambda ask=ask, batch=batch: ask(batch).square().mean().backward(), options.device
            )
        yield row


def scaling(options: argparse.Namespace) -> Iterator[Row]:
    """One network of a thousand to a million edges, without gradients."""
    from benchmarks.scaling import EDGES, four_convolutions

    from scalegmn.graph import GraphSpec, NetworkBatch
    from scalegmn.models import ModelConfig, ScaleGMN

    config = ModelConfig(features=8 if options.small else 128, edge_positional=False, separate_io=False)
    for edges in EDGES[:2] if options.small else EDGES:
        made = four_convolutions(edges)
        model = ScaleGMN(spec=GraphSpec.from_architectures([made]), outputs=1, config=config)
        model = model.to(options.device).eval()
        batch = NetworkBatch.from_parameters(made, 0.1 * torch.randn(1, made.num_parameters))
        batch = batch.to(options.device)
        with torch.no_grad():
            peak = _peak(lambda model=model, batch=batch: model.predict(batch), options.device)
            seconds = _seconds(lambda model=model, batch=batch: model.predict(batch), options.device, least=1)
        count = batch.graph.num_edges
        yield {"edges": count, "seconds": seconds, "ns per edge": 1e9 * seconds / count, "peak MiB": peak}


def makers(options: argparse.Namespace) -> Iterator[Row]:
    """Sine networks and small convolutional networks per second."""
    from benchmarks import fit_inrs, train_cnns

    from scalegmn.zoo.cnns import CnnRecipe
    from scalegmn.zoo.inrs import InrRecipe

    count, steps = (8, 5) if options.small else (4096, 1000)
    recipe = InrRecipe(hidden=(32, 32), steps=steps)
    rate = fit_inrs.maker_rate(fit_inrs.random_images(count, 28, 1), recipe, 1, options.device)
    yield {
        "maker": f"sine networks 2-32-32-1, {steps:,} steps at 28 x 28",
        "networks": count,
        "networks/s": rate,
    }
    count, images, epochs = (4, 64, 1) if options.small else (256, 5000, 2)
    given = argparse.Namespace(networks=count, workers=1, device=options.device)
    made = CnnRecipe(checkpoints=(0, epochs))
    seconds = train_cnns.maker_seconds(train_cnns.random_images(images, images // 2, 28), made, given)
    yield {
        "maker": f"CNNs of the Small CNN Zoo, {epochs} epochs of {images:,} images",
        "networks": count,
        "networks/s": count / seconds,
    }


def tests(options: argparse.Namespace) -> Iterator[Row]:
    """Those that need a GPU; and where there is none, those of a second device."""
    chosen = ["-m", "cuda", "tests"] if options.device.startswith("cuda") else ["tests/test_second_device.py"]
    with tempfile.TemporaryDirectory() as scratch:
        given = ["-q", "-p", "no:cacheprovider", "--basetemp", f"{scratch}/tests", *chosen]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *given], check=False, capture_output=True, text=True
        )
    yield {"tests": " ".join(chosen), "outcome": done.stdout.strip().splitlines()[-1]}
    if done.returncode:
        raise SystemExit(done.stdout.strip()[-3000:])


def training(options: argparse.Namespace) -> Iterator[Row]:
    """FashionMNIST-INRs with the published settings, as many epochs as there is time for."""
    from benchmarks.gpu.training import rows

    yield from rows(
        options.device, population=options.population, seconds=options.seconds, small=options.small
    )


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _seconds(step: Callable[[], object], device: str, *, least: int = 5) -> float:
    """The fastest of some calls after a first one."""
    best, spent = float("inf"), 0.0
    step()
    for number in range(1000):
        if number >= least and spent > 0.3:
            break
        _wait(device)
        began = time.perf_counter()
        step()
        _wait(device)
        best, spent = min(best, time.perf_counter() - began), spent + time.perf_counter() - began
    return best


def _peak(step: Callable[[], object], device: str) -> float:
    """MiB of the device that a second call needs beyond what there is before it."""
    step()
    if not device.startswith("cuda"):
        return 0.0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


STAGES: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    one.__name__: one
    for one in (exactness, roofline, float32, bfloat16, memory, scaling, makers, compiled, tests, training)
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", choices=list(STAGES))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--population", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    found: dict[str, Any] = {"rows": []}
    for row in STAGES[options.stage](options):
        found["rows"].append(row)
        options.output.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
