"""A model without numbers has the shapes of the one with numbers."""

from __future__ import annotations

import pytest
import torch

from scalegmn.graph import GraphSpec
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.models._shapes_alone import shapes_alone
from scalegmn.networks import siren

SPEC = GraphSpec.from_architectures([siren(widths=(2, 4, 1))])
CONFIG = ModelConfig(features=4, layers=2)


def test_random_numbers_their_multiples_and_fillings_have_their_shapes() -> None:
    def made() -> list[torch.Tensor]:
        drawn = torch.randn(3, 4, generator=torch.Generator(), dtype=torch.float64) / 2.0
        return [drawn, 3 * torch.rand((2, 5)) * 2, torch.nn.init.normal_(torch.empty(2, 3), std=0.5)]

    with shapes_alone():
        alone = made()
    assert all(one.is_meta for one in alone)
    assert [(one.shape, one.dtype) for one in alone] == [(one.shape, one.dtype) for one in made()]


@pytest.mark.parametrize("kind", [ScaleGMN, ScaleGMNEditor])
def test_models_have_their_shapes(kind: type[torch.nn.Module]) -> None:
    options = {"outputs": 3} if kind is ScaleGMN else {}
    with shapes_alone():
        alone = kind(spec=SPEC, config=CONFIG, **options).state_dict()
    whole = kind(spec=SPEC, config=CONFIG, **options).state_dict()
    assert all(value.is_meta for value in alone.values())
    assert {n: v.shape for n, v in alone.items()} == {n: v.shape for n, v in whole.items()}
