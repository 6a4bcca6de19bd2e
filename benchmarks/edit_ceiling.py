"""A trained editor beside its ceiling: fitting every network to its edited image by gradient descent.

    python benchmarks/edit_ceiling.py RUN [--networks 200] [--learning-rate 1e-3] [--threads 1] [--split test]

Prints the error, and the seconds per network, of no edit, of the editor, and of Adam after 1, 2, 5, ... steps
on the full image, starting from the network as it was.  "x time" is the time in units of the editor's.  The
last lines say how many steps fit into the editor's time, and how many are as good as the editor.  Times are
processor seconds, which other programs on the machine disturb least; the editor reads batches of 64 and the
fit batches of 8, which is fastest for each on a CPU.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from scalegmn.editing import LEARNING_RATE, TrainedEditor, decibels, squared_errors, start_refit
from scalegmn.graph import NetworkBatch
from scalegmn.training import Run, select

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
FIT_BATCH = 8


@dataclass(frozen=True)
class Row:
    name: str
    errors: Tensor
    seconds: float

    def line(self, unit: float) -> str:
        mse, psnr = 100 * float(self.errors.mean()), float(decibels(self.errors).mean())
        return f"{self.name:<28} {mse:>10.3f} {psnr:>9.2f} {self.seconds:>14.6f} {self.seconds / unit:>9.1f}"


def refit_rows(editor: TrainedEditor, theta: Tensor, wanted: Tensor, learning_rate: float) -> list[Row]:
    (architecture,) = editor.run.architectures
    errors: dict[int, list[Tensor]] = {steps: [] for steps in STEPS}
    seconds = dict.fromkeys(STEPS, 0.0)
    for start in range(0, len(theta), FIT_BATCH):
        part = slice(start, start + FIT_BATCH)
        spent, began = 0.0, time.process_time()
        fit = start_refit(
            architecture,
            theta[part],
            wanted[part],
            order=editor.task.config.order,
            learning_rate=learning_rate,
        )
        for step in range(1, STEPS[-1] + 1):
            fit.step()
            if step in errors:
                spent += time.process_time() - began
                seconds[step] += spent
                errors[step].append(fit.mse())
                began = time.process_time()
    return [
        Row(f"refit, {steps} steps", torch.cat(errors[steps]), seconds[steps] / len(theta)) for steps in STEPS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = Run.open(options.run)
    editor = TrainedEditor(run, device="cpu")
    selection = select(run.data)
    population = selection.test_population if options.split == "test" else selection.population
    rows = {"train": selection.train, "val": selection.val, "test": selection.test}[options.split]
    rows = rows[: options.networks]
    targets = editor.task.targets(population, rows)
    wanted, before = targets.edited, targets.before
    (architecture,) = run.architectures
    theta = population.theta(rows)
    editor.edit(architecture, theta[:64])
    began = time.process_time()
    edited = editor.edit(architecture, theta)
    unit = (time.process_time() - began) / len(theta)
    written = editor.edited_architecture(architecture)
    drawn = editor.task.draw(NetworkBatch.from_parameters(written, edited))
    own = Row("editor", squared_errors(drawn, wanted), unit)
    print(f"{len(rows)} networks {architecture.describe()}")
    print(f"{options.threads} threads, Adam at {options.learning_rate:g}")
    print(f"{'':<28} {'MSE x 100':>10} {'PSNR, dB':>9} {'s per network':>14} {'x time':>9}")
    print(Row("no edit", squared_errors(before, wanted), 0.0).line(unit))
    print(own.line(unit))
    found = refit_rows(editor, theta, wanted, options.learning_rate)
    for row in found:
        print(row.line(unit))
    in_time = [row for row in found if row.seconds <= unit]
    as_good = [row for row in found if row.errors.mean() <= own.errors.mean()]
    print(f"in the editor's time:  {in_time[-1].name if in_time else 'not one step'}")
    print(f"as good as the editor: {as_good[0].name if as_good else 'none of these'}")


if __name__ == "__main__":
    main()
