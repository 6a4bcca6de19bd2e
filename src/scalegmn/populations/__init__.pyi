from ._columns import explained, to_parquet
from ._csv_tables import harmless, original
from ._durable import write_atomically
from ._format import ARCHITECTURE_COLUMN, DTYPE, INDEX, JOURNAL, sha256
from ._group import Group
from ._label_tables import ADDED, FILE_COLUMN, LabelTable, has_trace_of_path
from ._progress import progress_bar
from ._splits import NAMES, Splits, mnist_splits, split_by_column, split_by_group
from ._store import Indices, Population
from ._where import rows_where
from ._writer import PopulationWriter

__all__ = [
    "ADDED",
    "ARCHITECTURE_COLUMN",
    "DTYPE",
    "FILE_COLUMN",
    "INDEX",
    "JOURNAL",
    "NAMES",
    "Group",
    "Indices",
    "LabelTable",
    "Population",
    "PopulationWriter",
    "Splits",
    "explained",
    "harmless",
    "has_trace_of_path",
    "mnist_splits",
    "original",
    "progress_bar",
    "rows_where",
    "sha256",
    "split_by_column",
    "split_by_group",
    "to_parquet",
    "write_atomically",
]
