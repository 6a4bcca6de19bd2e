from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from scalegmn.collections.small_cnn_zoo._layout import ZooLayout
from scalegmn.errors import PopulationError
from scalegmn.networks import Activation, cnn, run
from tests.collections.small_cnn_zoo.zoo_cases import LAYOUT, WIDTH


def layout_of(folder: Path, text: str) -> ZooLayout:
    (folder / "layout.csv").write_text(text)
    return ZooLayout.read(folder / "layout.csv")


def zoo_outputs(row: np.ndarray, images: np.ndarray, *, activation: str, padding: int) -> np.ndarray:
    """What a network of the zoo computes, from the places and the axes that are published, tap by tap."""

    def part(start: int, *shape: int) -> np.ndarray:
        return row[start : start + int(np.prod(shape))].reshape(shape)

    x = images
    for bias, kernel in (
        (part(0, 16), part(16, 3, 3, 1, 16)),
        (part(160, 16), part(176, 3, 3, 16, 16)),
        (part(2480, 16), part(2496, 3, 3, 16, 16)),
    ):
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        size = (x.shape[1] - 3) // 2 + 1
        y = np.zeros((len(x), size, size, 16)) + bias
        for i in range(3):
            for j in range(3):
                y += x[:, i : i + 2 * size - 1 : 2, j : j + 2 * size - 1 : 2] @ kernel[i, j]
        x = np.maximum(y, 0) if activation == "relu" else np.tanh(y)
    return x.mean(axis=(1, 2)) @ part(4810, 16, 10) + part(4800, 10)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_networks_compute_what_they_computed(tmp_path: Path, activation: str, padding: int) -> None:
    rng = np.random.default_rng(padding)
    row, images = 0.3 * rng.normal(size=WIDTH), rng.uniform(-1, 1, (4, 28, 28, 1))
    layout = layout_of(tmp_path, LAYOUT)
    architecture = layout.architecture(activation=activation, padding=padding)
    theta = torch.from_numpy(row[layout.order])[None]
    answer = run(architecture, theta, torch.from_numpy(images.transpose(0, 3, 1, 2)))
    expected = zoo_outputs(row, images, activation=activation, padding=padding)
    np.testing.assert_allclose(answer[0].numpy(), expected, rtol=1e-12, atol=1e-12)


def test_architecture_is_the_usual_one(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, LAYOUT)
    assert layout.width == WIDTH
    assert layout.architecture(activation="tanh", padding=0) == cnn(activations=[Activation("tanh")] * 3)


def test_order_and_its_inverse(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, LAYOUT)
    row = np.arange(WIDTH)
    assert np.array_equal(row[layout.order][layout.inverse], row)
    assert np.array_equal(np.sort(layout.order), row)
    # The bias of the first convolution follows on its kernel.
    assert layout.order[144:160].tolist() == list(range(16))


def test_layout_that_is_written_is_the_published_one() -> None:
    assert ZooLayout.from_sizes(channels=(1, 16, 16, 16), classes=10, kernel=3).to_csv() == LAYOUT


def test_other_sizes_are_read_back(tmp_path: Path) -> None:
    layout = ZooLayout.from_sizes(channels=(3, 8, 4), classes=7, kernel=5)
    again = layout_of(tmp_path, layout.to_csv())
    assert again.variables == layout.variables
    architecture = again.architecture(activation="relu", padding=1)
    assert architecture == cnn(
        channels=(3, 8, 4), classes=7, kernel=5, padding=1, activations=[Activation("relu")] * 2
    )


def test_forms_of_the_file(tmp_path: Path) -> None:
    expected = layout_of(tmp_path, LAYOUT).variables
    lines = [line.split(",", 4) for line in LAYOUT.splitlines()]
    without_size = "\n".join(",".join([*line[:3], line[4]]) for line in lines)
    assert layout_of(tmp_path, without_size).variables == expected
    (tmp_path / "layout.csv").write_bytes(b"\xef\xbb\xbf" + LAYOUT.replace("\n", "\r\n").encode() + b"\r\n")
    assert ZooLayout.read(tmp_path / "layout.csv").variables == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"(3, 3, 1, 16)"',
            '"(3, 3, 16)"',
            r"line 3: the shape is '\(3, 3, 16\)', expected one, two or four",
        ),
        ('"(3, 3, 1, 16)"', '"[3, 3, 1, 16]"', "line 3: the shape is"),
        ('"(3, 3, 1, 16)"', "\"__import__('os').abort()\"", "line 3: the shape is .__import__"),
        ('"(3, 3, 1, 16)"', '"(3, 3, 1, 4*4)"', "line 3: the shape is"),
        ('"(3, 3, 1, 16)"', '"(3, 3, 0, 16)"', "positive numbers"),
        ('"(3, 3, 1, 16)"', '"(3, 3, 1, 8)"', "expected 16 to 88"),
        ("160,176", "161,177", "expected 160 to 176"),
        ("160,176", "150,176", "the size is 16, expected 26"),
        ("160,176", "x,176", "start_idx is 'x', expected a whole number"),
        ("160,176", "-160,176", "start_idx is '-160'"),
        ("conv2d_1/bias:0", "conv2d_1/gamma:0", "expected LAYER/bias:0 or LAYER/kernel:0"),
        ("conv2d_1/bias:0", "conv2d_1/bias", "expected LAYER/bias:0"),
        ("conv2d_1/bias:0", "conv2d/bias:0", "one bias and one kernel per layer"),
        ('"(16, 10)"', '"(10, 16)"', "each layer to read what the one before gives"),
        ("start_idx", "from", r"expected the columns \['varname', 'start_idx'"),
        (',144,"', ',144,7,"', "has 6 cells, expected 5"),
        (LAYOUT, "", "has 0 bytes"),
        (LAYOUT, LAYOUT.splitlines()[0], "one line for each variable"),
    ],
)
def test_damaged_layouts(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in LAYOUT
    with pytest.raises(PopulationError, match=message) as error:
        layout_of(tmp_path, LAYOUT.replace(old, new))
    assert "layout.csv" in str(error.value)


def test_networks_of_other_kinds(tmp_path: Path) -> None:
    dense = 'varname,start_idx,end_idx,shape\na/bias:0,0,2,"(2,)"\na/kernel:0,2,8,"(3, 2)"\n'
    with pytest.raises(PopulationError, match="one or more convolutions"):
        layout_of(tmp_path, dense)
    oblong = LAYOUT.replace("(3, 3, 1, 16)", "(9, 1, 1, 16)")
    with pytest.raises(PopulationError, match="squares of one size"):
        layout_of(tmp_path, oblong)
    wide = (
        'varname,start_idx,end_idx,shape\na/bias:0,0,1,"(1,)"\na/kernel:0,1,3,"(1, 1, 1, 2)"\n'
        'b/bias:0,3,4,"(1,)"\nb/kernel:0,4,6,"(2, 1)"\n'
    )
    with pytest.raises(PopulationError, match="one number per output"):
        layout_of(tmp_path, wide)


def test_missing_and_strange_files(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="cannot be read as a layout"):
        ZooLayout.read(tmp_path / "layout.csv")
    (tmp_path / "layout.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PopulationError, match="cannot be read as a layout"):
        ZooLayout.read(tmp_path / "layout.csv")
