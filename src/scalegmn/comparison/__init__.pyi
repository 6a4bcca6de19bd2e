from ._config import ComparisonConfig
from ._parsing import parse_comparison
from ._picture import draw_bins, draw_comparison, draw_comparison_curves, draw_predictions
from ._results import Comparison, collect
from ._running import compare
from ._sizes import collect_sizes, draw_sizes, sizes_csv, sizes_table
from ._table import comparison_table, costs_table, figures_table, notes, runs_csv, table_csv

__all__ = [
    "Comparison",
    "ComparisonConfig",
    "collect",
    "collect_sizes",
    "compare",
    "comparison_table",
    "costs_table",
    "draw_bins",
    "draw_comparison",
    "draw_comparison_curves",
    "draw_predictions",
    "draw_sizes",
    "figures_table",
    "notes",
    "parse_comparison",
    "runs_csv",
    "sizes_csv",
    "sizes_table",
    "table_csv",
]

# For other rooms of the house; no promise is made about these.
from ._parsing import compare_help_parser as compare_help_parser
from ._running import FAILURES as FAILURES
from ._status import comparison_errors as comparison_errors
