from __future__ import annotations

import torch

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMNEditor
from scalegmn.trojans.repair.defenses import EditorRepair
from tests.trojans.repair.defenses.cases import ARCHITECTURE, TANH, twins


def test_an_editor_is_a_data_free_repair() -> None:
    model = ScaleGMNEditor(
        spec=GraphSpec.from_architectures([ARCHITECTURE, TANH]),
        config=ModelConfig(features=8, layers=1, update_scale=0.3),
    ).eval()
    method = EditorRepair(model)
    assert method.data_free and method.name == "editor"
    for architecture in (ARCHITECTURE, TANH):
        theta = twins(architecture).repeat(10, 1)
        found = method.repair(architecture, theta, images=None, seed=0)
        with torch.no_grad():
            expected = model.edit(NetworkBatch.from_parameters(architecture, theta[:1])).single[1]
        assert not found.requires_grad
        torch.testing.assert_close(found[36:37], expected, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(found, theta)
