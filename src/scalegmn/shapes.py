"""Shape aliases (jaxtyping) and the letters that docstrings use.

==== =====================================================
 B    networks in a batch
 P    parameters of one network
 V    neurons (graph nodes), of the whole batch
 E    edges, of the whole batch
 T    taps: scalar weights on all edges (an edge of a 3x3 convolution has 9)
 D    features of the metanetwork
 N    networks in a population
 M    rows of a feature matrix: nodes or edges
 F    features after a map
 Z    invariant extras of a row
 W    numbers in the prediction for a network
==== =====================================================
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

Parameters = Float[Tensor, "*batch P"]
"""Flat parameters of one network, of a batch, or of any stack of them."""
ParameterRows = Float[Tensor, "B P"]
"""Flat parameters of the networks of a batch."""

NodeScalars = Float[Tensor, "V"]
NodeIntegers = Int[Tensor, "V"]
NodeMask = Bool[Tensor, "V 1"]
"""What holds of some nodes and not of others."""
NodeFeatures = Float[Tensor, "V D"]
NodePhases = Float[Tensor, "V 2"]
MappedNodes = Float[Tensor, "V F"]
EdgeFeatures = Float[Tensor, "E D"]
EdgeIndex = Int[Tensor, "2 E"]
ProductIndex = Int[Tensor, "3 H"]
EdgeIntegers = Int[Tensor, "E"]
TapScalars = Float[Tensor, "T"]
CopiesOfTaps = Float[Tensor, "*k T"]
"""One number per tap, or one for each of k networks that are written."""
CopiesOfNodes = Float[Tensor, "*k V"]
"""The same for nodes."""
NetworkVectors = Float[Tensor, "B W"]
"""One vector of W numbers per network."""

Rows = Float[Tensor, "M D"]
"""Features of M nodes or edges, whichever."""
MappedRows = Float[Tensor, "M F"]
"""The same rows with another number of features."""
RowExtras = Float[Tensor, "M Z"]
"""Invariant extras of the same rows."""
SharedExtras = Float[Tensor, "_ Z"]
"""Invariant extras of rows, or of the nodes that rows share."""
SomeRows = Float[Tensor, "_ D"]
"""Features of some of the rows, or of what they belong to."""
RowScalars = Float[Tensor, "M 1"]
RowMask = Bool[Tensor, "M 1"]
"""What holds of some rows and not of others."""
RowIntegers = Int[Tensor, "M"]

SquareWeight = Float[Tensor, "D D"]
"""A linear map of features to features."""
