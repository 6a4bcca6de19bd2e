"""``scalegmn make classifiers``: CNNs, residual networks and transformers of many architectures."""

from __future__ import annotations

import dataclasses
from typing import Final

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
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population
from scalegmn.zoo.classifiers import (
    CLASSIFIER_RECIPES,
    ClassifierDesign,
    ClassifierRecipe,
    ClassifierReport,
    make_classifiers,
)
from scalegmn.zoo.cnns import Optimizer, WeightInit

HELP = "CNNs, residual networks with batch norm and transformers that classify the images"

EXAMPLES: Final = (
    "scalegmn make classifiers --source digits -o p --networks 64 --image-size 8 # modern ones",
    "scalegmn make classifiers --source fashion_mnist -o p --networks 252 --recipe trojan_bases # mixed",
)

# What the space of hyper-parameters and the recipe leave to the user.  Not given, they are as the recipe has
# them that was named.
_SPACE: tuple[Option, ...] = (
    ("w_inits", list[WeightInit], "initializations to draw from"),
    ("init_scale", tuple[float, float], "range of the factor on initial weights"),
    ("learning_rate", tuple[float, float], "range of the learning rate"),
    ("l2", tuple[float, float], "range of the weight penalty"),
    ("dropout", tuple[float, float], "range of the dropout rate"),
    ("train_fractions", list[float], "fractions of the training images to draw from"),
    ("label_noise", list[float], "fractions of random labels to draw from"),
    ("optimizers", list[Optimizer], "optimizers to draw from"),
    ("steps", list[int], "numbers of mini-batches to draw from"),
)
_RECIPE: tuple[Option, ...] = (
    ("networks_each", int, "consecutive networks that share an architecture and are trained together"),
    ("batch_size", int, "images per step"),
    ("judged", int, "images that the accuracy in training is measured on"),
    ("grayscale", bool, "whether colors are averaged into one channel"),
    ("image_size", int, "height and width to which images are reduced by averaging"),
    ("as_layers", bool, "whether networks whose layers stand in a list are stored as such"),
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES, description="Train small classifiers of many architectures, many at once."
    )
    add_image_options(parser)
    add_output_option(parser)
    parser.add_argument("--networks", type=int, required=True, help="number of networks to train")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--recipe",
        type=str,
        default="modern",
        help=f"architectures and hyper-parameters to start from: {', '.join(CLASSIFIER_RECIPES)}",
    )
    parser.add_argument(
        "--families",
        type=list[str] | None,
        default=None,
        help="of architectures, such as '[resnet, cnn]'; by default all of the recipe",
    )
    parser.add_argument(
        "--designs",
        type=list[str] | None,
        default=None,
        help="architectures, by name; by default all of the families. A name that does not exist shows them",
    )
    add_options(parser, (*_SPACE, *_RECIPE), note=" (default: the recipe's)")
    add_running_options(parser, shard_size=48, inner_batch=None)
    return parser


def run(options: Namespace) -> int:
    """Make the population, and say how well the networks do."""
    recipe = _recipe(options)
    report = make_classifiers(
        chosen_images(options),
        options.output,
        recipe=recipe,
        networks=options.networks,
        seed=options.seed,
        **running(options),
    )
    _summarize(report)
    return OK


def _recipe(options: Namespace) -> ClassifierRecipe:
    if options.recipe not in CLASSIFIER_RECIPES:
        raise ConfigurationError(
            f"--recipe is {options.recipe!r}, expected one of {', '.join(CLASSIFIER_RECIPES)}"
        )
    base = CLASSIFIER_RECIPES[options.recipe]
    return dataclasses.replace(
        base,
        designs=_designs(options, base),
        space=dataclasses.replace(base.space, **given(options, _SPACE)),
        **given(options, _RECIPE),
    )


def _designs(options: Namespace, base: ClassifierRecipe) -> tuple[ClassifierDesign, ...]:
    families = tuple(dict.fromkeys(design.family for design in base.designs))
    chosen = families if options.families is None else options.families
    for family in chosen:
        if family not in families:
            raise ConfigurationError(f"--families names {family!r}, expected some of {', '.join(families)}")
    known = {design.label: design for design in base.designs if design.family in chosen}
    wanted = list(known) if options.designs is None else options.designs
    for label in wanted:
        if label not in known:
            raise ConfigurationError(f"--designs names {label!r}, expected some of {', '.join(known)}")
    if not wanted:
        raise ConfigurationError("--families and --designs leave no architecture; expected one or more")
    return tuple(known[label] for label in wanted)


def _summarize(report: ClassifierReport) -> None:
    population = Population.open(report.folder)
    kinds = len(population.architectures)
    say(f"{report.networks} networks of {kinds} architecture{'s' * (kinds > 1)} are in {report.folder}")
    family, accuracy = population.column("family"), population.column("test_accuracy")
    for name in dict.fromkeys(family.tolist()):
        own = accuracy[family == name]
        low, middle, high = np.quantile(own, (0.05, 0.5, 0.95))
        spread = f"{low:.3f} to {high:.3f} for nine in ten"
        say(f"{name}, {len(own)} networks: test accuracy {middle:.3f} in the median, {spread}")
    if report.diverged:
        say(f"{len(report.diverged)} networks diverged and are marked: {list(report.diverged)}")
