from ._absorption import Absorption
from ._group import ContinuousGroup, continuous_group
from ._mixing import ChannelMixing
from ._part import ContinuousPart
from ._shifts import BiasShift
from ._translations import Translation

__all__ = [
    "Absorption",
    "BiasShift",
    "ChannelMixing",
    "ContinuousGroup",
    "ContinuousPart",
    "Translation",
    "continuous_group",
]
