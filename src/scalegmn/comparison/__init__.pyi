from ._config import ComparisonConfig
from ._parsing import help_parser, parse_comparison
from ._picture import draw_comparison, draw_curves, draw_predictions
from ._results import Comparison, collect
from ._running import FAILURES, compare
from ._status import mistakes_of_comparison
from ._table import comparison_table, costs_table, figures_table, notes, runs_csv, table_csv

__all__ = [
    "FAILURES",
    "Comparison",
    "ComparisonConfig",
    "collect",
    "compare",
    "comparison_table",
    "costs_table",
    "draw_comparison",
    "draw_curves",
    "draw_predictions",
    "figures_table",
    "help_parser",
    "mistakes_of_comparison",
    "notes",
    "parse_comparison",
    "runs_csv",
    "table_csv",
]
