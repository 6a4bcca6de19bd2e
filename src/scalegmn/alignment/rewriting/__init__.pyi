from ._cancellation import cancellation
from ._kind import REWRITINGS, RewritingKind
from ._reducing import reduce
from ._rewrite import rewrite
from ._rewriting import Rewriting
from ._widening import with_canceling_neurons, with_split_neurons, with_unread_neurons

__all__ = [
    "REWRITINGS",
    "Rewriting",
    "RewritingKind",
    "cancellation",
    "reduce",
    "rewrite",
    "with_canceling_neurons",
    "with_split_neurons",
    "with_unread_neurons",
]

# For other rooms of the house; no promise is made about these.
from ._cancel import CANCEL as CANCEL
from ._checking import change_of_function as change_of_function
from ._gains import GAINS as GAINS
from ._group import GROUP as GROUP
from ._rewrite import kinds_for as kinds_for
from ._rounding import ROUNDING as ROUNDING
from ._split import SPLIT as SPLIT
from ._unread import UNREAD as UNREAD
