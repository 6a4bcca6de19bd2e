from ._operation import Operation
from ._table import OPERATIONS, register_operation

__all__ = ["OPERATIONS", "Operation", "register_operation"]

# For other rooms of the house; no promise is made about these.
from ._operation import signature_of as signature_of
from ._without_numbers import written_without_numbers as written_without_numbers
