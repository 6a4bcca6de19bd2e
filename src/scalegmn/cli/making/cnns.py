"""``scalegmn make cnns``: small convolutional networks, each with hyper-parameters of its own."""

from __future__ import annotations

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
from scalegmn.cli.parsers import CommandParser, option_of
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population
from scalegmn.zoo.cnns import (
    CnnRecipe,
    CnnReport,
    Family,
    HyperSpace,
    MixedFamily,
    Optimizer,
    WeightInit,
    WildSpace,
    ZooFamily,
    make_cnns,
)

HELP = "small convolutional networks that classify the images"

EXAMPLES: Final = (
    "scalegmn make cnns --source digits -o populations/digits_cnns --networks 256 # no download is needed",
    "scalegmn make cnns --source fashion_mnist -o populations/cnns --networks 512 # varied settings",
)

# What a family, the space of hyper-parameters and the recipe leave to the user.  Not given, they are as their
# classes have them.
_ZOO: tuple[Option, ...] = (
    ("channels", list[int], "output channels of the convolutions"),
    ("kernel", int, "height and width of the kernels"),
    ("stride", int, "stride of the convolutions"),
    ("padding", int, "padding of the convolutions; 0 in the published networks, 1 in later copies"),
)
_MIXED: tuple[Option, ...] = (
    ("networks_each", int, "networks of each architecture"),
    ("depths", list[int], "depths to draw from, in convolutions"),
    ("wild_channels", list[int], "channels to draw from"),
    ("kernel_sizes", list[int], "kernel sizes to draw from"),
    ("wild_activations", list[str], "activations to draw from: relu, gelu, tanh, sigmoid, leaky_relu, none"),
    ("residual", float, "fraction of the possible residual connections that are made"),
    ("max_parameters", int, "maximum number of parameters of a network"),
    ("max_macs", int, "maximum number of multiply-accumulates of a network for one image"),
)
_SPACE: tuple[Option, ...] = (
    ("activations", list[str], "activations to draw from (family zoo)"),
    ("w_inits", list[WeightInit], "initializations to draw from"),
    ("init_std", tuple[float, float], "range of the standard deviation of normal initializations"),
    ("learning_rate", tuple[float, float], "range of the learning rate"),
    ("l2", tuple[float, float], "range of the weight penalty"),
    ("dropout", tuple[float, float], "range of the dropout rate"),
    ("train_fractions", list[float], "fractions of the training images to draw from"),
    ("optimizers", list[Optimizer], "optimizers to draw from"),
)
_RECIPE: tuple[Option, ...] = (
    ("checkpoints", list[int], "epochs after which networks are stored, such as '[0, 1, 5]'"),
    ("batch_size", int, "images per step"),
    ("grayscale", bool, "whether colors are averaged into one channel"),
    ("image_size", int, "height and width to which images are reduced by averaging"),
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(examples=EXAMPLES, description="Train small convolutional networks, many at once.")
    add_image_options(parser)
    add_output_option(parser)
    parser.add_argument("--networks", type=int, required=True, help="number of networks to train")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--family",
        type=Literal["zoo", "mixed"],
        default="zoo",
        help="one architecture, that of the Small CNN Zoo, or random ones as in the CNN Wild Park",
    )
    add_options(parser, _ZOO, note=" (family zoo)")
    add_options(parser, _MIXED, note=" (family mixed)")
    add_options(parser, (*_SPACE, *_RECIPE))
    add_running_options(parser, shard_size=128, inner_batch=8)
    return parser


def run(options: Namespace) -> int:
    """Make the population, and say how well the networks do."""
    recipe = _recipe(options)
    images = chosen_images(options)
    report = make_cnns(
        images,
        options.output,
        recipe=recipe,
        networks=options.networks,
        seed=options.seed,
        inner_batch=options.inner_batch,
        **running(options),
    )
    _summarize(report, recipe)
    return OK


def _summarize(report: CnnReport, recipe: CnnRecipe) -> None:
    population = Population.open(report.folder)
    kinds = len(population.architectures)
    say(
        f"{report.networks} networks of {kinds} architecture{'s' * (kinds > 1)}, {report.rows} with all "
        f"checkpoints, are in {report.folder}"
    )
    epoch, accuracy = population.column("epoch"), population.column("test_accuracy")
    for wanted in recipe.checkpoints:
        low, middle, high = np.quantile(accuracy[epoch == wanted], (0.05, 0.5, 0.95))
        spread = f"{low:.3f} to {high:.3f} for nine in ten"
        say(f"epoch {wanted}: test accuracy {middle:.3f} in the median, {spread}")
    if report.diverged:
        say(f"{len(report.diverged)} networks diverged and are marked: {list(report.diverged)}")


def _recipe(options: Namespace) -> CnnRecipe:
    other = "mixed" if options.family == "zoo" else "zoo"
    foreign = sorted(given(options, _MIXED if options.family == "zoo" else _ZOO))
    if foreign:
        raise ConfigurationError(
            f"{', '.join(map(option_of, foreign))}: only for --family {other}; leave it out, or "
            "choose that family"
        )
    return CnnRecipe(
        family=_family(options), space=HyperSpace(**given(options, _SPACE)), **given(options, _RECIPE)
    )


def _family(options: Namespace) -> Family:
    if options.family == "zoo":
        return ZooFamily(**given(options, _ZOO))
    settings = given(options, _MIXED)
    each = {name: settings.pop(name) for name in ("networks_each",) if name in settings}
    renamed = {name.removeprefix("wild_"): value for name, value in settings.items()}
    return MixedFamily(space=WildSpace(**renamed), **each)
