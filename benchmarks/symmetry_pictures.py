"""The pictures of docs/symmetries.md: a network beside its twin, and the way from one to the other.

    python -m benchmarks.symmetry_pictures [--output docs/pictures]

The networks are those of the page.  It takes ten processor seconds, most of them for the animation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image

from scalegmn import Activation, SymmetryAction, mlp
from scalegmn.reports import animate_symmetry, draw_symmetric_twin, save_figure
from scalegmn.seeding import generator

SPAN = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("docs/pictures"))
    folder: Path = parser.parse_args().output
    network = mlp(widths=(1, 6, 6, 1), activations=[Activation("relu"), Activation("tanh")])
    theta = torch.randn(network.num_parameters, generator=generator(3), dtype=torch.float64)
    symmetry = SymmetryAction(network).draw(generator=generator(1), spread=4.0)
    figure = draw_symmetric_twin(network, theta, symmetry, span=SPAN)
    path = save_figure(figure, folder / "symmetric_twin.png")
    # Few colors are enough for the page, and a third of the bytes.
    few = Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(path)
    print(animate_symmetry(network, theta, symmetry, folder / "symmetric_way.gif", span=SPAN))


if __name__ == "__main__":
    main()
