"""Shape aliases (jaxtyping) and the letters that docstrings use.

==== =====================================================
 B    networks in a batch
 P    parameters of one network
 V    neurons (graph nodes), of the whole batch
 E    edges, of the whole batch
 T    taps: scalar weights on all edges (an edge of a 3x3 convolution has 9)
 D    features of the metanetwork
 N    networks in a population
==== =====================================================
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

Parameters = Float[Tensor, "*batch P"]
NodeScalars = Float[Tensor, "V"]
NodeIntegers = Int[Tensor, "V"]
NodeFeatures = Float[Tensor, "V D"]
EdgeFeatures = Float[Tensor, "E D"]
EdgeIndex = Int[Tensor, "2 E"]
EdgeIntegers = Int[Tensor, "E"]
TapScalars = Float[Tensor, "T"]
TapIntegers = Int[Tensor, "T"]
NodeMask = Bool[Tensor, "V"]
