"""Captures a fixed list of networks, finds their symmetry groups, and tries random elements on them.

    python -m benchmarks.any_network [--only NAME ...] [--family FAMILY ...] [--mixtures] [--large]
                                    [--no-graphs] [--record]

Every network is run in double precision on two inputs of different sizes, before and after random elements of
everything that was found; the answers may differ by 1e-10 of their size.  The status is not 0 if fewer than
95 of 100 networks are captured, if an element changes a function, or if a dimension is not the one that was
derived by hand.

Every network becomes a graph too, as traced with the first input.  The graph has to hold all numbers that are
read; what metanetworks with random weights say of it may move by 1e-10 of its size under random elements, and
what an editor says has to move as the parameters do; a metanetwork that knows permutations alone has to move
where there are scales or signs.  Networks of the package transformers are left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.recorded import facts
from rich.console import Console
from rich.table import Table

from ._examine import examine
from ._outcome import Outcome
from .models import Entry, list_models
from .models.large import RESNET18

FILE = Path(__file__).with_name("recorded.json")
LEAST = 0.95
WIDTH = 140


def main() -> int:
    options = _parser().parse_args()
    warnings.filterwarnings("ignore", module="torch")
    entries = _chosen(options)
    outcomes = []
    for entry in entries:
        outcome = examine(entry, draws=options.draws, mixtures=options.mixtures, graphs=options.graphs)
        outcomes.append(outcome)
        print(f"{entry.name}: {outcome.refused or 'captured'}, {outcome.seconds:.1f} s", file=sys.stderr)
    console = Console()
    # Wide enough for all columns where nobody looks at a terminal.
    console.width = max(console.width, WIDTH)
    console.print(table(outcomes))
    faults = [fault for outcome in outcomes for fault in outcome.faults()]
    refusals = [f"{outcome.name}: {outcome.refused}" for outcome in outcomes if not outcome.captured]
    captured = 1 - len(refusals) / len(outcomes)
    for line in (*refusals, *faults):
        print(line)
    print(
        f"{len(outcomes) - len(refusals)} of {len(outcomes)} captured ({captured:.1%}), {len(faults)} faults"
    )
    if options.record:
        rows = json.loads(FILE.read_text(encoding="utf-8"))["networks"] if FILE.is_file() else {}
        rows.update((outcome.name, outcome.row()) for outcome in outcomes)
        FILE.write_text(json.dumps({**facts(), "networks": rows}, indent=2) + "\n", encoding="utf-8")
    return int(captured < LEAST or bool(faults))


def table(outcomes: Sequence[Outcome]) -> Table:
    """One line per network."""
    found = Table("network", "family", title="Networks of the list")
    for head in (
        "numbers",
        "scales",
        "signs",
        "permutations",
        "error",
        "nodes",
        "edges",
        "graph",
        "seconds",
        "MB",
    ):
        found.add_column(head, justify="right")
    for o in outcomes:
        figures = ("refused", "", "", "")
        if o.captured:
            figures = (str(o.scales), str(o.signs), f"10^{o.permutations:.1f}", f"{o.error:.0e}")
        graph = ("", "", "")
        if o.graph is not None:
            graph = (str(o.graph.nodes), str(o.graph.edges), f"{o.graph.error:.0e}")
        found.add_row(
            o.name, o.family, str(o.parameters), *figures, *graph, f"{o.seconds:.1f}", f"{o.megabytes:.0f}"
        )
    return found


def _chosen(options: argparse.Namespace) -> tuple[Entry, ...]:
    """The networks that were asked for and can be built; says which cannot."""
    entries = (RESNET18,) if options.large else list_models()
    for asked, known in (
        (options.only, {e.name for e in entries}),
        (options.family, {e.family for e in entries}),
    ):
        if unknown := sorted(set(asked) - known):
            raise SystemExit(f"nothing is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    wanted = [
        entry
        for entry in entries
        if (not options.only or entry.name in options.only)
        and (not options.family or entry.family in options.family)
    ]
    missing = {entry.needs for entry in wanted if entry.needs and not importlib.util.find_spec(entry.needs)}
    for package in missing:
        left = [entry.name for entry in wanted if entry.needs == package]
        print(f"{len(left)} networks are left out because {package} is not installed: {', '.join(left)}")
    kept = tuple(entry for entry in wanted if entry.needs not in missing)
    if not kept:
        raise SystemExit("no network is left of those that were asked for")
    return kept


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="names of networks")
    parser.add_argument("--family", nargs="+", default=[], help="names of families")
    parser.add_argument("--draws", type=int, default=3, help="random elements of each kind")
    parser.add_argument("--mixtures", action="store_true", help="also what is not diagonal; takes Jacobians")
    parser.add_argument("--no-graphs", dest="graphs", action="store_false", help="leave metanetworks out")
    parser.add_argument("--large", action="store_true", help="a ResNet-18 at 224 x 224 instead of the list")
    parser.add_argument("--record", action="store_true", help=f"write {FILE.name}")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
