"""How many times as fast as its plain formula ScaleGMN runs at the published settings, and as other code.

    python -m benchmarks.throughput [--settings mnist_cls/scalegmn ...] [--batch-size 16] [--seconds 20]
                                    [--public FOLDER] [--compile] [--precision float32|bfloat16]
                                    [--device cpu] [--threads N] [--processor-seconds]
                                    [--json FILE] [--check | --record]

One training step is forward, backward and AdamW on a random batch.  The batch is put together once; its graph
is made anew in every step, as in training.  All sides run in this process and take turns, round by round:
"ours" is the model as it runs, "plain" calls the forwards of the layers (`Backbone(fast=False)`), "compiled"
is ours under `torch.compile`, and "public" the paper's public code, of a checkout that --public names.
`--precision bfloat16` runs all of them under autocast, and "float32", which is ours without it.  A ratio is
the median over the rounds of how many times as fast as that side ours was, with its quartiles; it may be
compared between machines, which networks per second (of the best round) may not.

"by GFLOP/s" needs no checkout and says less: the rate per GFLOP/s of a matrix product of 18,000 x 128 by
128 x 128, measured before and after each setting (the better one counts), over what was measured for the
public code on another machine (`published.py`).

`--record` writes the ratios to the plain formula into `benchmarks/recorded.json`, with machine and date;
`--check` compares with what was recorded and exits with status 1, naming setting and figures, when one has
fallen under half.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import torch
from benchmarks import recorded
from benchmarks.paired import Clock, Race, race
from benchmarks.published import SETTINGS
from benchmarks.sides import sides_of

from scalegmn.training import kept_memory


def product_gflops(device: str, clock: Clock = time.perf_counter) -> float:
    """Of 18,000 x 128 by 128 x 128 in float32."""
    a, b = torch.randn(18_000, 128, device=device), torch.randn(128, 128, device=device)
    found = race({"product": lambda: a @ b}, seconds=1.5, device=device, clock=clock)
    return 2e-9 * a.numel() * b.shape[1] * found.rate("product")


def measure(name: str, options: argparse.Namespace) -> dict[str, Race]:
    """The races of a setting: in training and in inference."""
    sides = sides_of(
        SETTINGS[name],
        name,
        size=options.batch_size,
        device=options.device,
        precision=options.precision,
        compiled=options.compile,
        public=options.public,
    )

    def run(kind: str) -> Race:
        steps = {
            side: each.training() if kind == "training" else each.inference() for side, each in sides.items()
        }
        return race(steps, seconds=options.seconds, device=options.device, clock=clock_of(options))

    with kept_memory():
        return {kind: run(kind) for kind in recorded.KINDS}


def row_of(name: str, kind: str, found: Race, *, size: int, gflops: float) -> dict[str, object]:
    """What is said of one race."""
    times = {side: found.times("ours", side) for side in found.seconds if side != "ours"}
    per_gflops = size * found.rate("ours") / gflops
    return {
        "setting": name,
        "kind": kind,
        "networks_per_second": {side: size * found.rate(side) for side in found.seconds},
        "times": {side: [one.median, one.low, one.high] for side, one in times.items()},
        "rounds": len(found.seconds["ours"]),
        "gflops": gflops,
        "by_gflops": SETTINGS[name].public.times(kind, per_gflops),
    }


def line_of(row: dict[str, object]) -> str:
    """One line of the table."""
    rates, times = row["networks_per_second"], row["times"]
    assert isinstance(rates, dict) and isinstance(times, dict)
    cells = [f"{row['setting']:30}{row['kind']:11}{rates['ours']:10.1f}/s"]
    for side, (median, low, high) in times.items():
        cells.append(f"{median:7.2f} x {side} ({low:.2f} to {high:.2f})")
    return "  ".join([*cells, f"by GFLOP/s {row['by_gflops']:.2f}"])


def clock_of(options: argparse.Namespace) -> Clock:
    return time.process_time if options.processor_seconds else time.perf_counter


def way_of(options: argparse.Namespace) -> str:
    """What figures of one kind have in common; they are recorded under it."""
    kind = options.device.split(":")[0]
    return f"{kind} {options.precision}, batches of {options.batch_size}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each race")
    parser.add_argument("--public", type=Path, help="checkout of the paper's public code")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true", help="ours under torch.compile takes part")
    parser.add_argument("--processor-seconds", action="store_true", help="not the clock's: for busy machines")
    parser.add_argument("--json", type=Path, help="where all figures are written")
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--check", action="store_true", help="fail when a ratio is under half of the recorded")
    after.add_argument("--record", action="store_true", help="write the ratios into recorded.json")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    before = product_gflops(options.device, clock_of(options))
    print(
        f"{recorded.machine()}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}", flush=True
    )
    reached: dict[str, dict[str, float]] = {}
    rows = []
    for name in options.settings:
        races = measure(name, options)
        after = product_gflops(options.device, clock_of(options))
        gflops, before = max(before, after), after
        for kind, found in races.items():
            rows.append(row_of(name, kind, found, size=options.batch_size, gflops=gflops))
            print(line_of(rows[-1]), flush=True)
        reached[name] = {kind: found.times("ours", "plain").median for kind, found in races.items()}
        if options.json:
            facts = {"way": way_of(options), "threads": torch.get_num_threads(), **recorded.facts()}
            options.json.write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    if options.record:
        recorded.record(way_of(options), reached)
        print(f"recorded in {recorded.FILE}")
    if options.check:
        if lines := recorded.falls(way_of(options), reached):
            raise SystemExit("\n".join(lines))
        print("no figure is under half of what was recorded")


if __name__ == "__main__":
    main()
