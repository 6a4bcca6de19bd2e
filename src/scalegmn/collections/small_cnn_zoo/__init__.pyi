from ._collection import LAST_STEP, SmallCnnZoo
from ._importing import import_zoo
from ._writing import write_zoo

__all__ = ["LAST_STEP", "SmallCnnZoo", "import_zoo", "write_zoo"]
