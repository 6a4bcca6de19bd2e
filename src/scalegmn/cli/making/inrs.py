"""``scalegmn make inrs``: a sine network for every image."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.making.options import (
    Option,
    add_image_options,
    add_options,
    add_output_option,
    add_running_options,
    chosen_images,
    given,
    running,
)
from scalegmn.cli.output import say
from scalegmn.cli.parsers import CommandParser
from scalegmn.populations import Population
from scalegmn.zoo.inrs import CIFAR10_RECIPE, Initialization, InrRecipe, Order, fit_inrs

HELP = "a sine network for every image"

EXAMPLES: Final = (
    "scalegmn make inrs --source digits -o populations/inrs --copies 4 # sine networks that draw digits",
    "scalegmn make inrs --source mnist -o populations/inrs --train-limit 5000 # in SCALEGMN_DATA",
)

_RECIPES = {"mnist": InrRecipe(), "cifar10": CIFAR10_RECIPE}
# Parts of a recipe: their types and what they mean.  Not given, they are as the recipe has them.
_PARTS: tuple[Option, ...] = (
    ("hidden", list[int], "widths of the sine layers, such as '[32, 32]'"),
    ("frequency", float, "w in sin(w (W x + b))"),
    ("shift", float, "constant that is added to the output"),
    ("steps", int, "steps of Adam, each on the full image"),
    ("learning_rate", float, "learning rate of Adam"),
    (
        "initialization",
        Initialization,
        "initialization of the weights: as published for MNIST, or that of SIREN",
    ),
    ("order", Order, "order of the coordinates"),
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, description="Fit a sine network to every image, or several.")
    add_image_options(parser)
    add_output_option(parser)
    parser.add_argument(
        "--copies", type=int, default=1, help="networks per image, each with its own initialization"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed of the initializations")
    parser.add_argument(
        "--recipe", type=Literal["mnist", "cifar10"], default="mnist", help="published settings to start from"
    )
    add_options(parser, _PARTS, note=" (default: the recipe's)")
    add_running_options(parser, shard_size=1000, inner_batch=None, verb="fit")
    return parser


def run(options: Namespace) -> int:
    """Make the population, and say how well the networks draw their images."""
    recipe = _recipe(options)
    images = chosen_images(options)
    report = fit_inrs(
        images,
        options.output,
        recipe=recipe,
        copies=options.copies,
        seed=options.seed,
        **running(options),
    )
    psnr = Population.open(report.folder).column("psnr")
    kind = recipe.architecture(images.channels).describe()
    say(f"{report.networks} networks {kind} of {len(images)} images are in {report.folder}")
    low, middle, high = np.quantile(psnr, (0.05, 0.5, 0.95))
    say(f"their drawings: {middle:.1f} dB PSNR in the median, {low:.1f} to {high:.1f} dB for nine in ten")
    if report.diverged:
        say(f"{len(report.diverged)} networks diverged and were left out (split, image, copy):")
        for key in report.diverged:
            say(f"  {key}")
    return OK


def _recipe(options: Namespace) -> InrRecipe:
    parts = given(options, _PARTS)
    base = _RECIPES[options.recipe]
    if len(parts.get("hidden", base.hidden)) != len(base.hidden):
        # The published names are those of a certain number of layers.
        parts["names"] = ()
    return dataclasses.replace(base, **parts)
