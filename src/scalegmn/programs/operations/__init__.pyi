from ._operation import Operation
from ._table import OPERATIONS, register_operation

__all__ = ["OPERATIONS", "Operation", "register_operation"]
