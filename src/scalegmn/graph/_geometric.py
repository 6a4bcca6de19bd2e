"""Classes of PyTorch Geometric, imported without the warnings that this gives."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It compiles small helpers with torch.jit.script, which newer versions of PyTorch call deprecated.
    warnings.filterwarnings("ignore", message=r".*torch\.jit\.script")
    from torch_geometric.data import Batch as Batch
    from torch_geometric.data import Data as Data
