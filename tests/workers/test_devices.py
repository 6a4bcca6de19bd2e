from __future__ import annotations

import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.workers import device_of_work, usable_device


def test_devices_of_this_machine() -> None:
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")


def test_the_machine_of_the_command_needs_no_device_of_a_cluster() -> None:
    assert device_of_work("cuda:97", cluster="auto") == torch.device("cuda:97")
    with pytest.raises(ConfigurationError, match="device 'abacus' cannot be used"):
        device_of_work("abacus", cluster="auto")
    with pytest.raises(ConfigurationError, match="device 'cuda:97' cannot be used"):
        device_of_work("cuda:97", cluster=None)


@pytest.mark.parametrize("name", ["abacus", "cuda:97"])
def test_other_devices(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"device '{name}' cannot be used.*try cpu"):
        usable_device(name)
