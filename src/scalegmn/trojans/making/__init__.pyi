from ._figures import trojan_figures
from ._images import Preparation, TrojanImages
from ._making import TrojanReport, make_trojans
from ._recipe import Bases, FineTuning, HeldOut, Labels, Poisoning, Start, TrojanRecipe

__all__ = [
    "Bases",
    "FineTuning",
    "HeldOut",
    "Labels",
    "Poisoning",
    "Preparation",
    "Start",
    "TrojanImages",
    "TrojanRecipe",
    "TrojanReport",
    "make_trojans",
    "trojan_figures",
]
