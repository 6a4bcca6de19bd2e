from ._making import TrojanReport, make_trojans
from ._recipe import FineTuning, Poisoning, TrojanRecipe

__all__ = ["FineTuning", "Poisoning", "TrojanRecipe", "TrojanReport", "make_trojans"]

# For other rooms of the house; no promise is made about these.
from ._figures import trojan_figures as trojan_figures
from ._images import Preparation as Preparation
from ._images import TrojanImages as TrojanImages
from ._recipe import Bases as Bases
from ._recipe import HeldOut as HeldOut
from ._recipe import Labels as Labels
from ._recipe import Start as Start
