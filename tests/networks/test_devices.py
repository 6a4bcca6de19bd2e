from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.networks import usable_device


def test_devices_of_this_machine() -> None:
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:97"])
def test_other_devices(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"device '{name}' cannot be used.*try cpu"):
        usable_device(name)
