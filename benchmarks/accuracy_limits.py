"""How well recorded test accuracies can be known at all, and how alike the errors of trained models are.

    python benchmarks/accuracy_limits.py POPULATION --epochs 1 5 [--below 0.12] [--runs RUN RUN ...]

POPULATION is one of `scalegmn make cnns`.  Every test accuracy is drawn anew, as so many correct predictions
would come out on as many other test images, and Kendall's tau between the recorded and the new values is
printed, the mean of ten draws: about the highest that a model which is right about every network can reach.
RUN are folders of training runs with `task: regression` that were tested on the same networks; Pearson's
correlation of their errors is printed for each pair.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from scalegmn.populations import Population

DRAWS = 10


def print_limits(population: Population, kept: np.ndarray, below: float) -> None:
    accuracy = population.column("test_accuracy")[kept]
    images = int(population.provenance["test_images"])
    rng = np.random.default_rng(0)
    taus = [kendalltau(accuracy, rng.binomial(images, accuracy)).statistic for _ in range(DRAWS)]
    print(f"{len(accuracy)} networks, {images} test images: {(accuracy < below).mean():.1%} below {below:g}")
    print(f"tau between two measurements: {np.mean(taus):.3f} (deviation {np.std(taus):.3f})")


def print_correlations(runs: list[Path]) -> None:
    found = {run: np.load(run / "predictions.npy", allow_pickle=False) for run in runs}
    for one, other in combinations(runs, 2):
        (truth, mine), (same, its) = found[one].T, found[other].T
        if not np.array_equal(truth, same):
            raise SystemExit(f"{one} and {other} were tested on other networks")
        correlation = np.corrcoef(mine - truth, its - truth)[0, 1]
        print(f"errors of {one.name} and {other.name}: correlation {correlation:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("population", type=Path)
    parser.add_argument("--epochs", type=int, nargs="+", required=True, help="checkpoints to look at")
    parser.add_argument("--below", type=float, default=0.12)
    parser.add_argument("--runs", type=Path, nargs="+", default=[])
    options = parser.parse_args()
    population = Population.open(options.population)
    print_limits(population, np.isin(population.column("epoch"), options.epochs), options.below)
    print_correlations(options.runs)


if __name__ == "__main__":
    main()
