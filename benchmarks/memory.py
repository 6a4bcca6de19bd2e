"""Peak memory of a training step at the published settings, beside that of the plain forwards.

    python -m benchmarks.memory [--settings mnist_cls/scalegmn ...] [--batch-size 16] [--threads 1]

Each figure comes from a process of its own: the most memory it ever had, less what it had before the
step.  "Again" computes each layer again for the gradient (`training.recompute`).  "Plain" calls
the forward of each layer (`Backbone(fast=False)`).  Dropout is left out of all.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

import torch
from benchmarks.published import SETTINGS
from benchmarks.sides import ask_of, batch_of, config_of, model_of, plain_of

from scalegmn.models import recompute_layers


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


KINDS = ("fast", "again", "plain")


def measure(name: str, size: int, kind: str) -> None:
    """Print the MiB of one step."""
    setting = SETTINGS[name]
    model = model_of(setting, config_of(setting))
    if kind == "plain":
        model = plain_of(model)
    if kind == "again":
        recompute_layers(model)
    ask = ask_of(model.eval())
    ask(batch_of(setting, 2, "cpu")).sum().backward()
    batch, before = batch_of(setting, size, "cpu"), peak()
    ask(batch).square().mean().backward()
    print((peak() - before) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=KINDS, help="one figure, in this process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.only:
        measure(options.settings[0], options.batch_size, options.only)
        return
    print(f"{'setting':30}{'MiB':>10}{'again MiB':>12}{'plain MiB':>12}{'share':>8}")
    for name in options.settings:
        command = [sys.executable, "-m", "benchmarks.memory", "--settings", name]
        command += ["--batch-size", str(options.batch_size), "--threads", str(options.threads)]
        fast, again, plain = (
            float(subprocess.run([*command, "--only", kind], check=True, capture_output=True).stdout)
            for kind in KINDS
        )
        print(f"{name:30}{fast:10.0f}{again:12.0f}{plain:12.0f}{fast / plain:8.2f}", flush=True)


if __name__ == "__main__":
    main()
