from ._checking import Outline, check_answer
from ._describing import describe
from ._limits import ReadLimits
from ._reader import Reader, shared_reader

__all__ = ["Outline", "ReadLimits", "Reader", "check_answer", "describe", "shared_reader"]
