"""Whole networks: the same numbers as the package onnx, and the group of their twins in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.checkpoints.onnx import read_onnx
from scalegmn.graph import to_graph, to_parameters
from scalegmn.programs import ProgramArchitecture
from scalegmn.programs.files import load_program, save_program
from scalegmn.programs.onnx import load_onnx
from scalegmn.symmetry.discovery import program_symmetries, symmetries

from .graphs import answers, check_same, drawn, reference
from .networks import NETWORKS


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_group_and_the_way_back(name: str, tmp_path: Path) -> None:
    twins = NETWORKS[name]
    path = twins.graph().save(tmp_path)
    # The evaluator computes norms with single precision in between.
    network = check_same(path, tolerance=1e-5 if "transformer" in name or "norm" in name else 1e-9)
    found = program_symmetries(network.program)
    own = symmetries(twins.module(), [torch.zeros(twins.shape, dtype=twins.dtype)])
    assert found.group.scales.dimension == own.group.scales.dimension
    assert found.group.signs.dimension == own.group.signs.dimension
    assert len(network.program.parameters) == len(own.program.parameters)
    check = found.check(network.state, generator=torch.Generator().manual_seed(1))
    assert check.passed and (max(check.moved) > 0.01 or own.group.scales.dimension == 0)
    moved = found.apply(found.random(torch.Generator().manual_seed(2), spread=0.5), network.state)
    network.write(tmp_path / "moved.onnx", moved)
    assert path.stat().st_size == (tmp_path / "moved.onnx").stat().st_size
    inputs = {given: value.numpy() for given, value in drawn(network).items()}
    before, after = reference(path, inputs), reference(tmp_path / "moved.onnx", inputs)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6 * float(np.abs(one).max()))
    again = read_onnx(tmp_path / "moved.onnx").tensors()
    assert any(not torch.equal(again[key].value, network.state[key]) for key in moved)


@pytest.mark.slow
def test_a_program_of_a_file_can_be_saved(tmp_path: Path) -> None:
    network = load_onnx(NETWORKS["residual block"].graph().save(tmp_path))
    save_program(network.program, tmp_path / "program.json")
    assert load_program(tmp_path / "program.json") == network.program
    assert {one.module for one in network.program.instructions} >= {"n0", "n1", "n2"}


@pytest.mark.slow
def test_a_file_is_an_architecture_and_a_graph(tmp_path: Path) -> None:
    network = load_onnx(NETWORKS["convolutions with batch norm"].graph().save(tmp_path))
    architecture = ProgramArchitecture(network.program)
    theta = architecture.read_state(network.state)
    inputs = drawn(network)
    found = architecture.run(theta[None], inputs["x"])[0]
    np.testing.assert_allclose(found.numpy(), answers(network, inputs)[0].numpy(), rtol=1e-9, atol=1e-9)
    moved = architecture.write_state(theta, like=network.state)
    network.write(tmp_path / "same.onnx", moved)
    again = read_onnx(tmp_path / "same.onnx").tensors()
    for key, value in network.state.items():
        torch.testing.assert_close(again[key].value, value, rtol=1e-9, atol=1e-9)
    assert torch.equal(to_parameters(to_graph(architecture, theta), architecture)[0], theta)
