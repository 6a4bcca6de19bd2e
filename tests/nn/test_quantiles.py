"""Quantiles against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scalegmn.nn._quantiles import row_quantiles


@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_as_numpy_has_them(width: int) -> None:
    values = torch.randn(3, width, generator=torch.Generator().manual_seed(width), dtype=torch.float64)
    levels = (0.0, 0.1, 0.5, 1.0)
    expected = np.quantile(values.numpy(), levels, axis=1).T
    np.testing.assert_allclose(row_quantiles(values, levels).numpy(), expected, rtol=1e-12)
