"""Which parameters of a program are weights, and which biases of these."""

from __future__ import annotations

import torch
from torch import nn

from scalegmn import siren
from scalegmn.networks import Parameter, positioned
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs._weighted import weighted_parameters
from tests.programs.networks import normalized_architecture


def pairs(parameters: tuple[Parameter, ...]) -> list[tuple[str, str, str | None]]:
    found = weighted_parameters(parameters)
    return [(one.name, one.weight.name, one.bias and one.bias.name) for one in found]


def test_weights_have_the_biases_of_their_names() -> None:
    shapes = {
        "a.bias": (4,),
        "a.weight": (4, 3),
        "norm.weight": (4,),
        "norm.bias": (4,),
        "self.in_proj_weight": (12, 4),
        "self.in_proj_bias": (12,),
        "lone.weight": (3, 3, 1, 1),
        "relative.bias": (5, 5),
        "relative.weight": (2, 2),
        "temperature": (),
    }
    assert pairs(positioned(shapes.items())) == [
        ("a", "a.weight", "a.bias"),
        ("norm", "norm.weight", "norm.bias"),
        ("self.in_proj_weight", "self.in_proj_weight", "self.in_proj_bias"),
        ("lone", "lone.weight", None),
        # A table is no bias of a matrix.
        ("relative.bias", "relative.bias", None),
        ("relative", "relative.weight", None),
        ("temperature", "temperature", None),
    ]


def test_statistics_are_no_weights() -> None:
    names = [one.name for one in normalized_architecture().weighted]
    assert names == ["0", "1", "3.conv", "3.norm", "6"]
    biases = [one.bias and one.bias.name for one in normalized_architecture().weighted]
    assert biases == [None, "1.bias", "3.conv.bias", "3.norm.bias", "6.bias"]


def test_layers_in_a_list_have_the_weights_of_their_program() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))
    architecture = ProgramArchitecture.from_module(module, torch.zeros(1, 2))
    names = [(one.weight.name, one.bias and one.bias.name) for one in architecture.weighted]
    assert names == [("0.weight", "0.bias"), ("2.weight", None)]
    listed = siren(widths=(2, 3, 1)).weighted
    assert [(one.name, one.weight.name, one.bias and one.bias.name) for one in listed] == [
        ("seq.0", "seq.0.weight", "seq.0.bias"),
        ("seq.1", "seq.1.weight", "seq.1.bias"),
    ]
