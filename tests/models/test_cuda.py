"""On a GPU the predictions, updates and gradients are those of the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scalegmn.graph import NetworkBatch
from scalegmn.models import Direction, ModelConfig, ScaleGMN, ScaleGMNEditor, Symmetry
from scalegmn.seeding import generator
from scalegmn.testing.parameters import randomize
from tests.models.cases import network_batch, networks_of, spec_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
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
        plain = ask()
    answer = ask()
    gradients = torch.autograd.grad(answer.square().sum(), list(model.parameters()), materialize_grads=True)
    return [value.detach().cpu() for value in (plain, answer, *gradients)]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("editor", [False, True])
def test_a_gpu_finds_what_a_cpu_finds(options: dict[str, Any], editor: bool) -> None:
    config = ModelConfig(**({"features": 48, "layers": 3} | options))
    spec = spec_of(networks_of(2))
    model: nn.Module = (
        ScaleGMNEditor(spec=spec, config=config) if editor else ScaleGMN(spec=spec, outputs=3, config=config)
    )
    randomize(model, generator=generator(0)).double()
    batch = network_batch(networks_of(2)).double()
    for one, other in zip(found_on("cpu", model, batch), found_on("cuda", model, batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
