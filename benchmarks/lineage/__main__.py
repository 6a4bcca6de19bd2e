"""Families of networks whose ancestors are known: who is related, who is whose parent, who is the same.

    SCALEGMN_DATA=FOLDER python -m benchmarks.lineage [--families 72] [--alike] [--rate 1e-3]
                                                       [--pairs 3000] [--seed 0] [--folder FOLDER]

Bases are trained on one half of the images, all of one architecture on the same.  Each has three children and
three grandchildren, fine-tuned on the other half, each for a purpose of its own, and given away as trained,
pruned by 30 %, rounded to bfloat16, or both; children come from what was given away.  With --alike, members
of a family may have the same purpose.

The first table has the area under the ROC curve of several scores for pairs of a family among all pairs of
networks of one architecture: as they are, permuted and rescaled, and with everything together, which is
pruned, rounded, with unread and split neurons, permuted, rescaled, and rounded again.  Slow scores see a
random choice of pairs.  The second says what scalegmn.alignment.lineage makes of all networks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from scalegmn.alignment.lineage import Lineage, LineageNetwork, find_lineage
from scalegmn.metrics import auroc
from scalegmn.seeding import numpy_generator

from ._disguises import LEVELS, disguised
from ._making import ARCHITECTURES, PARENTS, Families, cached_families, images_of
from ._rivals import RIVALS

WIDTH = 140
SLOW = ("permutations only", "CKA of activations", "cosine of weights")


def main() -> int:
    options = _parser().parse_args()
    torch.set_num_threads(options.threads)
    made = {
        name: cached_families(
            options.folder,
            name,
            families=options.families,
            steps=options.steps,
            alike=options.alike,
            rate=options.rate,
            seed=options.seed,
        )
        for name in ARCHITECTURES
    }
    console = Console()
    console.width = max(console.width, WIDTH)
    networks = {
        (name, level): disguised(ARCHITECTURES[name], one, level)
        for name, one in made.items()
        for level in LEVELS
    }
    if options.pairs:
        console.print(_related(networks, options.pairs))
    console.print(_found(networks, made))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--families", type=int, default=72, help="of each architecture")
    parser.add_argument("--steps", type=int, default=3000, help="of the training of a base")
    parser.add_argument("--alike", action="store_true", help="members of a family may have the same purpose")
    parser.add_argument("--rate", type=float, default=1e-3, help="of fine-tunings, up to three times as much")
    parser.add_argument("--pairs", type=int, default=3000, help="for slow scores; 0 leaves the table out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(gettempdir()) / "lineage", help="keeps networks")
    return parser


def _related(networks: dict[tuple[str, str], list[LineageNetwork]], count: int) -> Table:
    table = Table("networks", *RIVALS, title="AUROC of pairs of one family among all pairs")
    images = images_of("test", 128)[0]
    for (name, level), own in networks.items():
        pairs = np.stack(np.triu_indices(len(own), 1), axis=1)
        related = _family(pairs[:, 0]) == _family(pairs[:, 1])
        chosen = _balanced(related, count)
        cells = []
        for rival, score in RIVALS.items():
            part = chosen if rival in SLOW else np.arange(len(pairs))
            values = score(own, pairs[part], images)
            finite = np.nan_to_num(values, neginf=float(np.min(values[np.isfinite(values)], initial=0)) - 1)
            cells.append(f"{auroc(related[part].astype(int), finite):.4f}")
        table.add_row(f"{name}, {level} ({len(own)} networks)", *cells)
    return table


def _balanced(related: np.ndarray, count: int) -> np.ndarray:
    """Half of the pairs from families, as far as there are so many."""
    stream = numpy_generator(0, "lineage pairs")
    parts = [np.flatnonzero(related == kind) for kind in (True, False)]
    return np.concatenate([stream.permutation(part)[: count // 2] for part in parts])


def _found(networks: dict[tuple[str, str], list[LineageNetwork]], made: dict[str, Families]) -> Table:
    columns = ("families", "related, found", "unrelated, found", "parents", "bases", "same", "seconds")
    table = Table("networks", *columns, title="Lineage")
    for level in LEVELS:
        own = [one for name in ARCHITECTURES for one in networks[name, level]]
        began = time.perf_counter()
        found = find_lineage([str(number) for number in range(len(own))], own.__getitem__)
        seconds = time.perf_counter() - began
        table.add_row(f"{level} ({len(own)} networks)", *_figures(found), f"{seconds:.0f}")
    return table


def _figures(found: Lineage) -> Sequence[str]:
    numbers = np.array([int(one.name) for one in found.members])
    families = np.array([one.family for one in found.members])
    pairs = np.stack(np.triu_indices(len(numbers), 1), axis=1)
    related = _family(numbers[pairs[:, 0]]) == _family(numbers[pairs[:, 1]])
    together = families[pairs[:, 0]] == families[pairs[:, 1]]
    right = roots = 0
    for number, one in zip(numbers, found.members, strict=True):
        member = int(number) % len(PARENTS)
        expected = None if PARENTS[member] < 0 else str(number - member + PARENTS[member])
        right += member > 0 and one.parent == expected
        roots += member == 0 and one.parent is None
    bases = int((numbers % len(PARENTS) == 0).sum())
    same = sum(len(one.duplicates) for one in found.members) // 2
    return (
        str(len(set(families.tolist()))),
        f"{int((related & together).sum())} of {int(related.sum())}",
        f"{int((~related & together).sum())} of {int((~related).sum())}",
        f"{right / (len(numbers) - bases):.1%} of {len(numbers) - bases}",
        f"{roots / bases:.1%} of {bases}",
        str(same),
    )


def _family(numbers: np.ndarray) -> np.ndarray:
    return numbers // len(PARENTS)


if __name__ == "__main__":
    raise SystemExit(main())
