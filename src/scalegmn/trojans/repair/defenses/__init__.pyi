from ._anp import AdversarialNeuronPruning
from ._channel_lipschitz import ChannelLipschitz
from ._class_images import ClassImages
from ._clean_images import CleanImages
from ._editor import EditorRepair
from ._fine_pruning import FinePruning
from ._fine_tuning import FineTuning
from ._mean_difference import MeanDifference
from ._method import RepairMethod
from ._no_repair import NoRepair
from ._unlearning import TriggerUnlearning, UnlearningConfig

__all__ = [
    "AdversarialNeuronPruning",
    "ChannelLipschitz",
    "ClassImages",
    "CleanImages",
    "EditorRepair",
    "FinePruning",
    "FineTuning",
    "MeanDifference",
    "NoRepair",
    "RepairMethod",
    "TriggerUnlearning",
    "UnlearningConfig",
]

# For other rooms of the house; no promise is made about these.
from ._fine_tuning import Tuning as Tuning
from ._sequence import RepairSequence as RepairSequence
