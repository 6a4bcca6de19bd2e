"""``scalegmn make cnns``: small convolutional networks, each with hyper-parameters of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from jsonargparse import ArgumentParser, Namespace

from scalegmn.cli.exit_codes import OK
from scalegmn.cli.making.options import add_image_options, chosen_images
from scalegmn.errors import ConfigurationError
from scalegmn.populations.makers.cnn_hyper import HyperSpace, Optimizer, WeightInit
from scalegmn.populations.makers.cnn_populations import CnnReport, make_cnns
from scalegmn.populations.makers.cnn_recipes import CnnRecipe, Family, MixedFamily, ZooFamily
from scalegmn.populations.makers.wild import WildSpace
from scalegmn.populations.store import Population

HELP = "small convolutional networks that classify the images"

_Option = tuple[str, Any, str]
# What a family, the space of hyper-parameters and the recipe leave to the user.  Not given, they are as their
# classes have them.
_ZOO: tuple[_Option, ...] = (
    ("channels", list[int], "outputs of the convolutions"),
    ("kernel", int, "height and width of the kernels"),
    ("stride", int, "of the convolutions"),
    ("padding", int, "of the convolutions; 0 in the published networks, 1 in later copies"),
)
_MIXED: tuple[_Option, ...] = (
    ("networks_each", int, "networks of each architecture"),
    ("depths", list[int], "numbers of convolutions to draw from"),
    ("wild_channels", list[int], "channels to draw from"),
    ("kernel_sizes", list[int], "kernels to draw from"),
    ("wild_activations", list[str], "activations to draw from: relu, gelu, tanh, sigmoid, leaky_relu, none"),
    ("residual", float, "share of residual connections among the possible ones"),
    ("max_parameters", int, "parameters of a network at most"),
    ("max_macs", int, "multiplications of a network for one image at most"),
)
_SPACE: tuple[_Option, ...] = (
    ("activations", list[str], "of the zoo family, to draw from"),
    ("w_inits", list[WeightInit], "initialisations to draw from"),
    ("init_std", tuple[float, float], "range of the standard deviation of normal initialisations"),
    ("learning_rate", tuple[float, float], "range of the learning rate"),
    ("l2", tuple[float, float], "range of the factor of the penalty on weights"),
    ("dropout", tuple[float, float], "range of the rate"),
    ("train_fractions", list[float], "shares of the training images to draw from"),
    ("optimizers", list[Optimizer], "optimizers to draw from"),
)
_RECIPE: tuple[_Option, ...] = (
    ("checkpoints", list[int], "epochs after which networks are stored, such as '[0, 1, 5]'"),
    ("batch_size", int, "images per step"),
    ("grayscale", bool, "whether colours are averaged into one channel"),
    ("image_size", int, "height and width to which images are reduced by averaging"),
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = ArgumentParser(description="Train small convolutional networks, many at once.")
    add_image_options(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the new population")
    parser.add_argument("--networks", type=int, required=True, help="networks to train")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument(
        "--family",
        type=Literal["zoo", "mixed"],
        default="zoo",
        help="one architecture, that of the Small CNN Zoo, or random ones as in the CNN Wild Park",
    )
    for title, group in (("zoo", _ZOO), ("mixed", _MIXED), ("hyper-parameters", _SPACE), ("recipe", _RECIPE)):
        for name, kind, text in group:
            only = f"{text} (family {title})" if title in ("zoo", "mixed") else text
            parser.add_argument(f"--{name}", type=kind | None, default=None, help=only)
    parser.add_argument("--shard_size", type=int, default=128, help="networks that are written at a time")
    parser.add_argument("--inner_batch", type=int, default=8, help="networks that are trained together")
    parser.add_argument("--device", type=str, default="cpu", help="where to train: cpu, cuda, ...")
    parser.add_argument(
        "--workers", type=int | None, default=None, help="threads that train; by default one per core"
    )
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted call stopped")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
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
        shard_size=options.shard_size,
        inner_batch=options.inner_batch,
        workers=options.workers,
        device=options.device,
        resume=options.resume,
        progress=not options.quiet,
    )
    _summarise(report, recipe)
    return OK


def _summarise(report: CnnReport, recipe: CnnRecipe) -> None:
    population = Population.open(report.folder)
    kinds = len(population.architectures)
    print(
        f"{report.networks} networks of {kinds} architecture{'s' * (kinds > 1)}, {report.rows} with all "
        f"checkpoints, are in {report.folder}"
    )
    epoch, accuracy = population.column("epoch"), population.column("test_accuracy")
    for wanted in recipe.checkpoints:
        low, middle, high = np.quantile(accuracy[epoch == wanted], (0.05, 0.5, 0.95))
        spread = f"{low:.3f} to {high:.3f} for nine in ten"
        print(f"epoch {wanted}: test accuracy {middle:.3f} in the median, {spread}")
    if report.diverged:
        print(f"{len(report.diverged)} networks diverged and are marked: {list(report.diverged)}")


def _given(options: Namespace, names: tuple[_Option, ...]) -> dict[str, Any]:
    found = {name: options[name] for name, _, _ in names if options[name] is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _recipe(options: Namespace) -> CnnRecipe:
    other = "mixed" if options.family == "zoo" else "zoo"
    foreign = sorted(_given(options, _MIXED if options.family == "zoo" else _ZOO))
    if foreign:
        raise ConfigurationError(
            f"{', '.join('--' + name for name in foreign)}: only for --family {other}; leave it out, or "
            "choose that family"
        )
    return CnnRecipe(
        family=_family(options), space=HyperSpace(**_given(options, _SPACE)), **_given(options, _RECIPE)
    )


def _family(options: Namespace) -> Family:
    if options.family == "zoo":
        return ZooFamily(**_given(options, _ZOO))
    given = _given(options, _MIXED)
    each = {name: given.pop(name) for name in ("networks_each",) if name in given}
    renamed = {name.removeprefix("wild_"): value for name, value in given.items()}
    return MixedFamily(space=WildSpace(**renamed), **each)
