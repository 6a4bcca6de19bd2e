"""Runs the stages one after the other, each in a process and with a time of its own, and writes the report.

    benchmarks/gpu.sh OUTPUT [options]

A stage that fails, is late, or lacks a package is one line of the report, and the next one begins.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

NEEDED = ("torch", "torch_geometric", "numpy", "scipy", "safetensors", "jaxtyping", "lazy_loader")
# Seconds that each stage may take; the training gets what is left.
STAGES = {
    "exactness": 45,
    "roofline": 15,
    "float32": 75,
    "bfloat16": 75,
    "memory": 30,
    "scaling": 30,
    "makers": 40,
    "compiled": 70,
    "tests": 40,
    "training": 30,
}
PACKAGES = {
    "tests": ("pytest", "hypothesis", "beartype"),
    "makers": ("pyarrow", "rich"),
    "training": ("lightning", "pyarrow", "rich", "torchmetrics", "jsonargparse", "matplotlib", "sklearn"),
    "float32": ("lightning", "torchmetrics", "jsonargparse"),
    "bfloat16": ("lightning", "torchmetrics", "jsonargparse"),
    "compiled": ("lightning", "torchmetrics", "jsonargparse"),
    "memory": ("lightning", "torchmetrics", "jsonargparse"),
    "scaling": ("lightning", "torchmetrics", "jsonargparse"),
}
"""What a stage needs beside `NEEDED`; a stage without it says so."""


def missing(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]


def run_stage(name: str, options: argparse.Namespace, *, limit: float) -> dict[str, object]:
    """What a stage found, or why it did not."""
    if lacking := missing(PACKAGES.get(name, ())):
        return {"error": f"left out: {', '.join(lacking)} cannot be imported; install them to have it"}
    if limit < 5:
        return {"error": "left out: the time is over"}
    place = options.output / "scratch" / f"{name}.json"
    command = [sys.executable, "-m", "benchmarks.gpu.stages", name, "--device", options.device]
    command += ["--output", str(place), "--seconds", str(limit), *["--small"] * options.small]
    command += ["--population", str(options.population)] if options.population else []
    began = time.perf_counter()
    error = None
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        words, _ = process.communicate(timeout=limit)
        if process.returncode:
            error = f"failed with status {process.returncode}: {words.strip()[-1500:]}"
    except subprocess.TimeoutExpired:
        # What it started ends with it.
        os.killpg(process.pid, 9)
        process.wait()
        error = f"not done after {limit:.0f} seconds"
    # What is there so far counts, whether or not the stage came to its end.
    found = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    return {**found, **({"error": error} if error else {}), "seconds": round(time.perf_counter() - began, 1)}


def markdown(report: dict[str, object]) -> str:
    """All tables, one below the other."""
    stages = report["stages"]
    assert isinstance(stages, dict)
    lines = [f"# {report['device']}", "", f"{report['facts']}", ""]
    for name, found in stages.items():
        lines += [f"## {name}", ""]
        rows = found.get("rows", [])
        if rows:
            heads = list(dict.fromkeys(head for row in rows for head in row))
            lines += ["| " + " | ".join(heads) + " |", "| " + " | ".join(["---"] * len(heads)) + " |"]
            lines += ["| " + " | ".join(cell(row.get(head, "")) for head in heads) + " |" for row in rows]
            lines.append("")
        if "error" in found:
            lines += [f"Not complete: {str(found['error']).splitlines()[-1]}", ""]
    return "\n".join(lines)


def cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def write(report: dict[str, object], folder: Path) -> None:
    (folder / "gpu.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(markdown(report), encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/gpu.sh OUTPUT", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=470.0, help="for everything")
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--population", type=Path, help="FashionMNIST-INRs, for the training")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the script itself")
    return parser.parse_args()


def reason_against(device: str) -> str | None:
    """One sentence where nothing can be measured here."""
    if lacking := missing(NEEDED):
        return (
            f"{', '.join(lacking)} cannot be imported by {sys.executable}; install what is missing, or name "
            "another interpreter: PYTHON=... benchmarks/gpu.sh"
        )
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        return (
            f"PyTorch {torch.__version__} of {sys.executable} finds no CUDA device; give a machine with one, "
            "or try the script itself with --device cpu --small"
        )
    return None


def main() -> int:
    options, began = arguments(), time.perf_counter()
    if reason := reason_against(options.device):
        print(f"error: {reason}", file=sys.stderr)
        return 2
    import torch

    name = torch.cuda.get_device_name(options.device) if options.device.startswith("cuda") else "CPU"
    versions = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
    report: dict[str, object] = {"device": name, "facts": f"{versions}{', small sizes' * options.small}"}
    stages: dict[str, object] = {}
    report["stages"] = stages
    for stage in options.stages:
        left = options.seconds - (time.perf_counter() - began)
        later = sum(STAGES[other] for other in options.stages[options.stages.index(stage) + 1 :])
        # A stage may use what those before it left over, and never what those behind it need.
        limit = min(left, max(STAGES[stage], left - later))
        found = stages[stage] = run_stage(stage, options, limit=limit)
        print(
            f"{stage}: {str(found.get('error', 'done')).splitlines()[-1]}, {found.get('seconds', 0)} s",
            flush=True,
        )
        write(report, options.output)
    print(f"{options.output / 'gpu.json'} and {options.output / 'gpu.md'} are written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
