"""``scalegmn compare``: train several models with several seeds, and show them beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.cli.configuration_errors import print_configuration_errors
from scalegmn.cli.exit_codes import INTERRUPTED, NEGATIVE, OK, USAGE
from scalegmn.cli.general_options import add_general_options, shows_progress
from scalegmn.cli.help_formatter import HelpFormatter
from scalegmn.cli.help_texts import with_examples
from scalegmn.cli.output import complain, say, say_all, tell
from scalegmn.cli.pictures import pictures_of_run
from scalegmn.cli.terminal import console
from scalegmn.comparison import (
    FAILURES,
    Comparison,
    ComparisonConfig,
    collect,
    collect_sizes,
    compare,
    compare_help_parser,
    comparison_errors,
    comparison_table,
    costs_table,
    draw_bins,
    draw_comparison,
    draw_comparison_curves,
    draw_predictions,
    draw_sizes,
    figures_table,
    notes,
    parse_comparison,
    runs_csv,
    sizes_csv,
    sizes_table,
    table_csv,
)
from scalegmn.networks import read_json
from scalegmn.reports import save_figure
from scalegmn.training import RESULTS, write_text

HELP = "train several models with several seeds, and write a table, CSV files and figures"

EXAMPLES: Final = (
    "scalegmn compare --config generalization/compare_small # a comparison that comes with scalegmn",
    "scalegmn compare --config mine.yaml --seeds 0 1 2 --jobs 2 --resume # your own, with three seeds",
)

TABLE, TABLE_CSV, RUNS_CSV = "table.md", "table.csv", "runs.csv"
PICTURE, SCATTER, CURVES = "comparison.png", "scatter.png", "roc.png"
SIZES, SIZES_CSV, SIZES_PICTURE = "sizes.md", "sizes.csv", "sizes.png"


def build_parser() -> ArgumentParser:
    """The options of the command, to print help; :func:`parse_comparison` reads them."""
    parser = compare_help_parser()
    parser.formatter_class = HelpFormatter
    add_general_options(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Check everything, train what is not finished, and write and print what came of it."""
    if "--help" in argv or "-h" in argv:
        say_all(with_examples(build_parser().format_help(), EXAMPLES))
        return OK
    shown = [] if shows_progress() else ["--base.logging.progress=false"]
    config, problems = parse_comparison([*argv, *shown])
    if config is not None:
        problems += comparison_errors(config)
    if config is None or problems:
        print_configuration_errors("compare", problems)
        return USAGE
    try:
        failures = compare(config, tell=tell, command=["scalegmn", "compare", *argv])
    except KeyboardInterrupt:
        complain(
            f"interrupted; what is finished stays in {config.output}, add --resume to the command to go on"
        )
        return INTERRUPTED
    if config.sizes:
        _show_sizes(config)
    else:
        comparison = collect(config)
        if comparison is not None:
            _show(comparison, config.output, config.curves)
    if failures:
        complain(
            f"scalegmn compare: {len(failures)} of the training runs failed; {config.output / FAILURES} says "
            "where and why"
        )
    return NEGATIVE if failures else OK


def _show_sizes(config: ComparisonConfig) -> None:
    sizes = collect_sizes(config)
    if not sizes:
        return
    for size, comparison in sizes.items():
        _show(comparison, config.output / f"groups{size}", config.curves)
    table = sizes_table(sizes)
    write_text(config.output / SIZES, table.to_markdown())
    write_text(config.output / SIZES_CSV, sizes_csv(sizes))
    written = [config.output / SIZES, config.output / SIZES_CSV]
    picture = draw_sizes(sizes)
    if picture is not None:
        written.append(save_figure(picture, config.output / SIZES_PICTURE))
    console().print(table.to_rich())
    tell(f"Written to {config.output}: {', '.join(path.name for path in written)}")


def _show(comparison: Comparison, output: Path, columns: Sequence[str]) -> None:
    table = comparison_table(comparison)
    told = _told_by_runs(comparison)
    remarks = "\n".join(f"\n{note}" for note in (*notes(comparison), *told))
    write_text(output / TABLE, f"{table.to_markdown()}{remarks}\n")
    write_text(output / TABLE_CSV, table_csv(comparison))
    write_text(output / RUNS_CSV, runs_csv(comparison))
    written: list[Path] = [output / TABLE, output / TABLE_CSV, output / RUNS_CSV]
    if any(model.defined_values(comparison.metrics[0]) for model in comparison.models):
        written.append(save_figure(draw_comparison(comparison), output / PICTURE))
    for run in (run for model in comparison.models if model.trained for run in model.runs):
        pictures_of_run(comparison.task, run.folder)
    predictions = draw_predictions(comparison)
    if predictions is not None:
        written.append(save_figure(predictions, output / SCATTER))
    curves = draw_comparison_curves(comparison)
    if curves is not None:
        written.append(save_figure(curves, output / CURVES))
    for number, column in enumerate(columns, start=1):
        bins = draw_bins(comparison, column)
        if bins is not None:
            # The name of a column need not be one of a file.
            written.append(save_figure(bins, output / f"curve{number}.png"))
    shown = console()
    shown.print(figures_table(comparison).to_rich())
    shown.print(costs_table(comparison).to_rich())
    for note in told:
        say(f"Note: {note}")
    tell(f"Written to {output}: {', '.join(path.name for path in written)}")


def _told_by_runs(comparison: Comparison) -> tuple[str, ...]:
    """What training runs said about their networks, such as that test networks were learned from; each
    once.
    """
    folders = [run.folder for model in comparison.models if model.trained for run in model.runs]
    results = [read_json(folder / RESULTS, what="results of a run") for folder in folders]
    return tuple(dict.fromkeys(str(note) for one in results for note in one.get("notes", ())))
