from ._applying import Repairer, repair_file
from ._outcome import Evidence, RepairOutcome
from ._picture import RepairPoint
from ._scenes import LabeledImages
from ._task import RepairConfig, TrojanRepair
from ._unlearner import TriggerUnlearner

__all__ = [
    "Evidence",
    "LabeledImages",
    "RepairConfig",
    "RepairOutcome",
    "RepairPoint",
    "Repairer",
    "TriggerUnlearner",
    "TrojanRepair",
    "repair_file",
]

# For other rooms of the house; no promise is made about these.
from ._choosing import best_of as best_of
from ._evaluation import Thetas as Thetas
from ._evaluation import evaluate_methods as evaluate_methods
from ._evaluation import networks_of as networks_of
from ._evaluation import with_clean_twins as with_clean_twins
from ._outcome import CAVEAT as CAVEAT
from ._outcome import DEFAULT_DROP as DEFAULT_DROP
from ._picture import draw_repairs as draw_repairs
from ._repairing import NetworkRepairer as NetworkRepairer
from ._report import Repairs as Repairs
from ._unlearner import SHIPPED_REPAIRER as SHIPPED_REPAIRER
