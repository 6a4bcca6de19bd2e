from ._collection import SmallCnnZoo
from ._importing import import_zoo
from ._writing import write_zoo

__all__ = ["SmallCnnZoo", "import_zoo", "write_zoo"]

# For other rooms of the house; no promise is made about these.
from ._collection import LAST_STEP as LAST_STEP
