from ._collection import SmallCnnZoo
from ._importing import import_zoo
from ._writing import write_zoo

__all__ = ["SmallCnnZoo", "import_zoo", "write_zoo"]

# For other rooms of the house; no promise is made about these.
from ._collection import LAST_STEP as LAST_STEP
from ._metrics import ACTIVATIONS as ACTIVATIONS
from ._metrics import read_zoo_metrics as read_zoo_metrics
from ._metrics import run_numbers as run_numbers
from ._writing import write_zoo_files as write_zoo_files
from ._writing import zoo_kind as zoo_kind
