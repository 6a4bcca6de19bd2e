from ._outcome import Recognized, Unrecognized
from ._recognizer import Recognizer
from ._stated import DESCRIPTION, FINGERPRINT, architecture_entries

__all__ = ["DESCRIPTION", "FINGERPRINT", "Recognized", "Recognizer", "Unrecognized", "architecture_entries"]

# For other rooms of the house; no promise is made about these.
from ._names import core_names as core_names
from ._stated import StatedArchitecture as StatedArchitecture
from ._stated import restated as restated
from ._stored import stored_parameters as stored_parameters
from ._turned import stored_tensors as stored_tensors
from ._variants import RequestedActivations as RequestedActivations
from ._widths import differs_in_width as differs_in_width
