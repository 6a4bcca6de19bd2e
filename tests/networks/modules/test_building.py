"""The modules that PyTorch lacks; networks built from them are tested with the modules that they become."""

from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ArchitectureError
from scalegmn.networks import Activation
from scalegmn.networks.modules import Elementwise, ShiftModule, Sine

X = torch.linspace(-2, 2, 9)


def test_sine() -> None:
    torch.testing.assert_close(Sine(3.0)(X), torch.sin(3 * X))
    assert repr(Sine()) == "Sine(frequency=30.0)"
    with pytest.raises(ArchitectureError, match="positive finite frequency"):
        Sine(0.0)


def test_shift() -> None:
    torch.testing.assert_close(ShiftModule(0.5)(X), X + 0.5)
    assert repr(ShiftModule(0.5)) == "ShiftModule(value=0.5)"


def test_elementwise() -> None:
    torch.testing.assert_close(Elementwise(Activation("arctan"))(X), torch.arctan(X))
    assert repr(Elementwise(Activation("arctan"))) == "Elementwise(arctan)"
