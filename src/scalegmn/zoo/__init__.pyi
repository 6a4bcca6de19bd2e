from . import classifiers, cnns, inrs

__all__ = ["classifiers", "cnns", "inrs"]

# For other rooms of the house; no promise is made about these.
from ._plans import check_counts as check_counts
from ._plans import images_provenance as images_provenance
from ._plans import ranges as ranges
