"""One published training, FashionMNIST-INRs, for as long as there is time."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scalegmn.networks import siren
from scalegmn.populations import PopulationWriter
from scalegmn.seeding import generator
from scalegmn.testing.parameters import random_parameters

SIZES = {"train": 55_000, "val": 5_000, "test": 10_000}


def rows(device: str, *, population: Path | None, seconds: float, small: bool) -> Iterator[dict[str, object]]:
    """One for every epoch."""
    ends = time.perf_counter() + seconds - 5
    with tempfile.TemporaryDirectory() as scratch:
        folder = population or random_population(Path(scratch) / "population", small=small)
        run = Path(scratch) / "run"
        command = [
            sys.executable,
            "-m",
            "scalegmn.cli.main",
            "train",
            "--config",
            "inr_classification/fashion_mnist",
        ]
        given = {
            "data.population": folder,
            "training.accelerator": "gpu" if device.startswith("cuda") else "cpu",
            "training.epochs": 1 if small else 200,
            "logging.progress": "false",
            "output": run,
            **({"model.features": 8, "model.mlp_hidden": 8} if small else {}),
        }
        command += [f"--{name}={value}" for name, value in given.items()]
        with (Path(scratch) / "words").open("w+") as words:
            process = subprocess.Popen(command, stdout=words, stderr=words)
            while process.poll() is None and time.perf_counter() < ends:
                time.sleep(0.2)
            late = process.poll() is None
            if late:
                process.send_signal(signal.SIGKILL if os.name == "nt" else signal.SIGTERM)
                process.wait(10)
            words.seek(0)
            said = words.read()
        what = "given" if population else "random networks, so accuracy says nothing"
        if (run / "metrics.csv").is_file():
            with (run / "metrics.csv").open(newline="") as file:
                for one in csv.DictReader(file):
                    numbers = {name: float(value) for name, value in one.items() if value}
                    yield {"networks": what, **numbers}
        if process.returncode and not late:
            raise SystemExit(said.strip()[-1500:])


def random_population(folder: Path, *, small: bool) -> Path:
    """As many networks as the published ones, with random weights and labels."""
    architecture, start = siren(widths=(2, 32, 32, 1)), 0
    with PopulationWriter(folder, provenance={"maker": "random"}) as writer:
        for number, (split, published) in enumerate(SIZES.items()):
            count = 64 if small else published
            theta = random_parameters(architecture, count, generator=generator(number))
            labels = np.random.default_rng(number).integers(0, 10, count)
            columns = {
                "label": labels,
                "image": np.arange(start, start + count),
                "split": np.full(count, split),
            }
            writer.append(architecture, theta, columns)
            start += count
        writer.finish()
    return folder
