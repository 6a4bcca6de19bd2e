from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Activation, mlp
from scalegmn.symmetry import SymmetryAction
from scalegmn.training._reference import Reference
from scalegmn.training._sizes import ParameterSizes

NETWORK = mlp(widths=(3, 6, 4, 2), activations=[Activation("relu"), Activation("tanh")])
SIZES = ParameterSizes([NETWORK])
THETA = torch.randn(64, NETWORK.num_parameters, generator=torch.Generator().manual_seed(0))


def reference() -> Reference:
    sizes = SIZES.of(NetworkBatch.from_parameters(NETWORK, THETA)).numpy()
    low, high = np.quantile(sizes, (0.01, 0.99), axis=0)
    return Reference(None, low, high, "")


def remarks(theta: torch.Tensor) -> list[bool | None]:
    """Whether the remark about each network says that a prediction means nothing; None for no remark."""
    found = reference().remarks(SIZES.of(NetworkBatch.from_parameters(NETWORK, theta)))
    return [None if remark is None else remark.hopeless for remark in found]


def test_networks_like_those_of_the_training_are_not_remarked_on() -> None:
    assert remarks(THETA) == [None] * 64
    other = torch.randn(64, NETWORK.num_parameters, generator=torch.Generator().manual_seed(1))
    assert remarks(other) == [None] * 64


def test_sizes_that_were_never_seen_are_remarked_on() -> None:
    assert remarks(THETA[:2] * 1e7) == [True, True]
    assert remarks(THETA[:2] * 1e-4) == [False, False]
    one = THETA[:1].clone()
    last = NETWORK.parameter("4.weight")
    one[0, last.start] = 200.0
    assert remarks(one) == [False]
    one[0, last.start] = 1e6
    assert remarks(one) == [True]
    one[0, last.start] = torch.inf
    assert remarks(one) == [True]


def test_what_a_symmetry_does_is_no_matter_of_size() -> None:
    """Hidden neurons with ReLU may be scaled by any factor."""
    first, second = NETWORK.parameter("0.weight"), NETWORK.parameter("2.weight")
    bias = NETWORK.parameter("0.bias")
    scaled = THETA[:4].double().clone()
    scaled[:, first.start : first.stop] *= 1e6
    scaled[:, bias.start : bias.stop] *= 1e6
    scaled[:, second.start : second.stop] /= 1e6
    assert remarks(scaled.float()) == [None] * 4
    assert SymmetryAction(NETWORK).groups[3].has_scale


def test_a_reference_is_kept(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ConfigurationError):
        Reference.load(tmp_path)
    own = reference()
    checksum = hashlib.sha256(b"weights").hexdigest()
    Reference(np.array([0.5, np.inf]), own.low, own.high, checksum).save(tmp_path)
    found = Reference.load(tmp_path)
    assert found.errors is not None and found.errors.tolist() == [0.5, np.inf]
    assert np.array_equal(found.low, own.low) and np.array_equal(found.high, own.high)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"others")
    with pytest.raises(ConfigurationError, match="another model"):
        Reference.load(tmp_path)
