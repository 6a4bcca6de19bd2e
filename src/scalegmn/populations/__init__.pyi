from ._group import ArchitectureGroup
from ._joining import JoinReport, join_populations
from ._label_tables import LabelTable
from ._object_storage import download_population, upload_population
from ._splits import Splits, mnist_splits, split_by_column, split_by_group
from ._store import Population
from ._writer import PopulationWriter

__all__ = [
    "ArchitectureGroup",
    "JoinReport",
    "LabelTable",
    "Population",
    "PopulationWriter",
    "Splits",
    "download_population",
    "join_populations",
    "mnist_splits",
    "split_by_column",
    "split_by_group",
    "upload_population",
]

# For other rooms of the house; no promise is made about these.
from ._columns import explain_arrow_errors as explain_arrow_errors
from ._columns import to_parquet as to_parquet
from ._csv_tables import escape_formulas as escape_formulas
from ._csv_tables import unescape_formulas as unescape_formulas
from ._durable import write_atomically as write_atomically
from ._folds import nested_subset as nested_subset
from ._folds import split_by_fold as split_by_fold
from ._format import ARCHITECTURE_COLUMN as ARCHITECTURE_COLUMN
from ._format import DTYPE as DTYPE
from ._format import INDEX as INDEX
from ._format import JOURNAL as JOURNAL
from ._format import sha256 as sha256
from ._label_tables import ADDED as ADDED
from ._label_tables import FILE_COLUMN as FILE_COLUMN
from ._label_tables import has_trace_of_path as has_trace_of_path
from ._object_storage import is_url as is_url
from ._object_storage import shown_url as shown_url
from ._progress import has_terminal as has_terminal
from ._progress import progress_bar as progress_bar
from ._runs import write_changed as write_changed
from ._splits import NAMES as NAMES
from ._store import Indices as Indices
from ._where import rows_where as rows_where
