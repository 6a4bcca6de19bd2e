"""Layers may be computed again for the gradient: the same numbers from less memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from scalegmn.models import Direction, ModelConfig, ScaleGMN, Symmetry, recompute_layers
from scalegmn.models.baselines import FlatMLP, FlatMLPConfig
from tests.models.cases import mixed_batch, networks_of, spec_of

SYMMETRIES = list(Symmetry)


def model_of(symmetry: Symmetry) -> ScaleGMN:
    config = ModelConfig(
        features=6,
        layers=4,
        direction=Direction.bidirectional,
        symmetry=symmetry,
        dropout=0.3,
        dropout_in_mlps=True,
        skip=True,
    )
    torch.manual_seed(0)
    return ScaleGMN(spec=spec_of(networks_of(1)), outputs=2, config=config).double()


def step(model: ScaleGMN) -> tuple[list[Tensor], int]:
    """Predictions and gradients, with dropout, and how many numbers the forward pass keeps."""
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.is_floating_point()
        return tensor

    graph = mixed_batch(networks_of(1))
    torch.manual_seed(1)
    with saved_tensors_hooks(count, lambda tensor: tensor):
        answer = model(graph)
    parameters = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(answer.square().sum(), parameters, materialize_grads=True)
    return [answer.detach(), *gradients], kept


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_layers_computed_again_give_the_same_from_less(symmetry: Symmetry, fast: bool) -> None:
    once, again = model_of(symmetry), model_of(symmetry)
    once.backbone.fast = again.backbone.fast = fast
    assert recompute_layers(again) == 1
    expected, much = step(once)
    found, little = step(again)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert little < much / 3


def test_models_without_layers_have_none_to_compute_again() -> None:
    flat = FlatMLP(parameters=4, outputs=1, config=FlatMLPConfig())
    assert recompute_layers(flat) == 0
