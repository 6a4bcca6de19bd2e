"""On a GPU the predictions, updates and gradients are those of the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import NetworkBatch
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry
from scalegmn.testing.parameters import randomize
from tests.models.cases import network_batch, networks_of, spec_of
from tests.nn.plain_cases import plain

pytestmark = pytest.mark.cuda
OPTIONS: tuple[dict[str, Any], ...] = (
    {"direction": Direction.forward},
    {"direction": Direction.bidirectional, "edge_positional": False},
    {"direction": Direction.bidirectional, "symmetry": Symmetry.permutation},
    {"direction": Direction.forward, "readout": "full_graph", "statistics": True},
)


def found_on(device: str, model: nn.Module, batch: NetworkBatch) -> list[Tensor]:
    """Predictions without and with gradients, and the gradients, all on the CPU."""
    model, batch = model.to(device), batch.to(device)

    def ask() -> Tensor:
        if isinstance(model, ScaleGMNEditor):
            return torch.cat([theta.flatten() for _, theta in model.edit(batch).parts])
        assert isinstance(model, ScaleGMN)
        return model.predict(batch)

    with torch.no_grad():
        bare = ask()
    answer = ask()
    gradients = torch.autograd.grad(answer.square().sum(), list(model.parameters()), materialize_grads=True)
    return [value.detach().cpu() for value in (bare, answer, *gradients)]


def made(options: dict[str, Any], *, editor: bool) -> ScaleGMN | ScaleGMNEditor:
    config, spec = ModelConfig(**({"features": 48, "layers": 3} | options)), spec_of(networks_of(2))
    model = (
        ScaleGMNEditor(spec=spec, config=config) if editor else ScaleGMN(spec=spec, outputs=3, config=config)
    )
    return randomize(model, generator=generator(0)).double()


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("editor", [False, True])
def test_a_gpu_finds_what_a_cpu_finds(options: dict[str, Any], editor: bool) -> None:
    model = made(options, editor=editor)
    batch = network_batch(networks_of(2)).double()
    for one, other in zip(found_on("cpu", model, batch), found_on("cuda", model, batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("editor", [False, True])
def test_both_forms_agree_on_a_gpu(options: dict[str, Any], editor: bool) -> None:
    model, batch = made(options, editor=editor), network_batch(networks_of(2)).double()
    fast = found_on("cuda", model, batch)
    with plain(model):
        slow = found_on("cuda", model, batch)
    for one, other in zip(fast, slow, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", [one for one in OPTIONS if "symmetry" not in one])
def test_group_elements_change_nothing_on_a_gpu(options: dict[str, Any]) -> None:
    model = made(options, editor=False).to("cuda").eval()
    assert isinstance(model, ScaleGMN)
    batch = network_batch(networks_of(2)).double()
    moved = batch.with_theta(
        [
            random_symmetry(architecture, generator=generator(3), spread=4.0).apply(theta)
            for architecture, theta in batch.parts
        ]
    )
    with torch.no_grad():
        before, after = (model.predict(one.to("cuda")).cpu() for one in (batch, moved))
    torch.testing.assert_close(before, after, rtol=1e-9, atol=1e-9)
