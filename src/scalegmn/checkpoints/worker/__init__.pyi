from ._limits import ReadLimits
from ._reader import Reader, shared_reader

__all__ = ["ReadLimits", "Reader", "shared_reader"]

# For other rooms of the house; no promise is made about these.
from ._checking import Outline as Outline
from ._checking import check_answer as check_answer
from ._child import serve as serve
from ._describing import describe_contents as describe_contents
from ._launching import Decoder as Decoder
