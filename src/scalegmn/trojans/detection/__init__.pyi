from ._aligned_logistic import AlignedConfig, AlignedLogistic
from ._calibrating import Calibration
from ._config import DetectionConfig
from ._more_clean import with_more_clean
from ._more_inputs import with_reference_inputs
from ._reference_inputs import ReferenceInputs
from ._task import TrojanDetection

__all__ = [
    "AlignedConfig",
    "AlignedLogistic",
    "Calibration",
    "DetectionConfig",
    "ReferenceInputs",
    "TrojanDetection",
    "with_more_clean",
    "with_reference_inputs",
]

# For other rooms of the house; no promise is made about these.
from ._calibrating import CALIBRATION as CALIBRATION
from ._calibrating import INPUTS as INPUTS
from ._calibrating import TYPICALITY as TYPICALITY
from ._calibrating import calibrate_run as calibrate_run
from ._calibration import sigmoid as sigmoid
from ._calibration_diagram import draw_calibration as draw_calibration
from ._reference_inputs import AnswerComparison as AnswerComparison
from ._reference_inputs import compare_answers as compare_answers
from ._report import RELIABILITY as RELIABILITY
from ._report import ROC as ROC
