"""``scalegmn make trojans``: trojaned networks, each with a clean twin."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

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
from scalegmn.cli.output import say, tell
from scalegmn.cli.parsers import CommandParser, option_of
from scalegmn.errors import ConfigurationError, TriggerError
from scalegmn.images import ImageSet
from scalegmn.populations import Population
from scalegmn.trojans.making import (
    BaseSelection,
    FineTuningConfig,
    Goal,
    HeldOutConfig,
    InjectionConfig,
    Labels,
    Method,
    PoisoningConfig,
    Start,
    TrojanRecipe,
    TrojanReport,
    make_trojans,
)
from scalegmn.trojans.triggers import (
    TRIGGERS,
    PatternName,
    TriggerFamily,
    TriggerSpace,
)
from scalegmn.zoo.cnns import Optimizer

HELP = "trojaned networks and their clean twins, from a population of classifiers"

EXAMPLES: Final = (
    "scalegmn make trojans populations/bases --source digits -o twins # trojaned ones, and clean twins",
    "scalegmn make trojans populations/bases --source digits -o twins --triggers '[patch]' # one kind",
)
SHEET: Final = "triggers.png"
"""File in the folder of the population with clean and triggered images."""

# What the classes leave to the user.  Not given, they are as their classes have them.
_BASES: tuple[Option, ...] = (
    ("minimum_accuracy", float, "minimum of the column test_accuracy of base networks"),
    ("group", str, "column whose groups never cross splits; network or run by default"),
)
_TUNING: tuple[Option, ...] = (
    ("epochs", int, "epochs of both twins"),
    ("batch_size", int, "images per step"),
    ("learning_rate", tuple[float, float], "range, drawn once for both twins, such as '[0.01, 0.01]'"),
    ("l2", float, "weight penalty"),
    ("dropout", float, "dropout rate"),
    ("optimizer", Optimizer, "optimizer of both twins"),
    ("start", Start, "start from the base networks, or from scratch with their architectures"),
)
_POISONING: tuple[Option, ...] = (
    (
        "ratio",
        float | tuple[float, float],
        "fraction of the training images that are poisoned, or a range, drawn for each pair: '[0.005, 0.1]'",
    ),
    ("goals", list[Goal], "goals to draw from: all_to_one (the target), all_to_all (class y becomes y + 1)"),
    ("targets", list[int], "target classes to draw from; all by default"),
    ("labels", list[Labels], "labels of poisoned images: dirty (the target's), clean (their own), or both"),
)
_INJECTION: tuple[Option, ...] = (
    ("method", Method, "training on poisoned images, the same adapted to statistics of weights, or an edit"),
    ("statistics_weight", float, "adaptive: weight of the penalty on statistics that differ from the twin's"),
    ("edited", float, "edit: fraction of the parameters that change at most"),
    ("edit_steps", int, "edit: steps"),
    ("edit_rate", float, "edit: learning rate"),
)
_OWNERS: Final[dict[str, str]] = {
    "statistics_weight": "adaptive",
    "edited": "edit",
    "edit_steps": "edit",
    "edit_rate": "edit",
}
_TRIGGERS: tuple[Option, ...] = (
    ("sizes", list[int], "sizes of squares and patches to draw from, in pixels"),
    ("patterns", list[PatternName], "patterns of squares and patches to draw from"),
    ("square_blend", tuple[float, float], "range of the blending weight of squares"),
)
_HELD_OUT: tuple[Option, ...] = (
    ("held_out_kinds", list[str], "trigger types that only test networks have"),
    ("held_out_sizes", list[int], "sizes of triggers that only test networks have"),
    ("held_out_patterns", list[PatternName], "patterns that only test networks have"),
    ("held_out_targets", list[int], "target classes that only test networks have"),
    (
        "split_fractions",
        tuple[float, float, float],
        "fractions of base networks per split, where something is held out",
    ),
)
_RECIPE: tuple[Option, ...] = (
    ("minimum_asr", float, "attack success rate below which an attack counts as failed"),
    ("grayscale", bool, "whether colors are averaged; as for the base networks by default"),
    ("image_size", int, "size to which images are reduced; as for the base networks by default"),
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES, description="Fine-tune networks, once on poisoned and once on clean images."
    )
    parser.add_argument("population", type=Path, help="folder of the population of base networks")
    add_image_options(parser)
    add_output_option(parser)
    parser.add_argument(
        "--pairs", type=int | None, default=None, help="pairs of twins; by default one for each base network"
    )
    parser.add_argument(
        "--attacks-per-base",
        type=int,
        default=1,
        help="pairs for each base network, without --pairs",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument(
        "--where",
        type=dict[str, Any],
        default={},
        help="column values that base networks must have, such as '{epoch: 5, activation: [relu, tanh]}'",
    )
    parser.add_argument(
        "--triggers",
        type=list[str],
        default=["blended_square"],
        help="trigger types to draw from, such as '[blended_square, patch, warp]'; "
        f"there are {', '.join(TRIGGERS.names())}",
    )
    add_options(parser, (*_BASES, *_TUNING, *_POISONING, *_INJECTION, *_TRIGGERS, *_HELD_OUT, *_RECIPE))
    add_running_options(parser, shard_size=64, inner_batch=8, things="pairs")
    return parser


def run(options: Namespace) -> int:
    """Make the population, draw its triggers, and say how well the attacks went."""
    # Pictures need a package of their own: say so before hours of training, not after.
    from scalegmn.reports import save_figure
    from scalegmn.trojans.triggers import population_sheet

    recipe = _recipe(options)
    population = Population.open(options.population)
    images: ImageSet = chosen_images(options)
    report = make_trojans(
        population,
        images,
        options.output,
        recipe=recipe,
        pairs=options.pairs,
        attacks_per_base=options.attacks_per_base,
        seed=options.seed,
        inner_batch=options.inner_batch,
        **running(options),
    )
    made = Population.open(report.folder)
    figure = population_sheet(made, images, title=f"triggers in images of {images.name}")
    save_figure(figure, report.folder / SHEET)
    _summarize(report, made, recipe)
    return OK


def _summarize(report: TrojanReport, population: Population, recipe: TrojanRecipe) -> None:
    say(f"{report.pairs} trojaned networks and their {report.pairs} clean twins are in {report.folder}")
    poisoned = population.column("poisoned")
    base = np.median(population.column("base_c_acc"))
    for name, rows in (("trojaned", poisoned), ("clean", ~poisoned)):
        c_acc, asr, ra = (np.median(population.column(column)[rows]) for column in ("c_acc", "asr", "ra"))
        say(f"{name}: C-Acc {c_acc:.3f} (before {base:.3f}), ASR {asr:.3f}, RA {ra:.3f} in the median")
    kinds = population.column("trigger_kind")
    for kind in np.unique(kinds):
        mine = poisoned & (kinds == kind)
        reached = int(population.column("trojaned")[mine].sum())
        say(f"{kind}: {reached} of {int(mine.sum())} attacks reached an ASR of {recipe.minimum_asr:g}")
    if report.diverged:
        say(f"{len(report.diverged)} pairs diverged and are marked: {list(report.diverged)}")
    tell(f"the triggers are drawn in {report.folder / SHEET}")


def _recipe(options: Namespace) -> TrojanRecipe:
    try:
        families = _chosen(options).families
        triggers = TriggerSpace(tuple(_family(family, options) for family in families))
    except TriggerError as error:
        raise ConfigurationError(f"the triggers are wrong: {error}") from error
    return TrojanRecipe(
        bases=BaseSelection(where=dict(options.where), **given(options, _BASES)),
        tuning=FineTuningConfig(**given(options, _TUNING)),
        poisoning=PoisoningConfig(**given(options, _POISONING)),
        injection=_injection(options),
        triggers=triggers,
        held_out=_held_out(options),
        **given(options, _RECIPE),
    )


def _injection(options: Namespace) -> InjectionConfig:
    """How trojans come into weights; what another method has is refused."""
    settings = given(options, _INJECTION)
    injection = InjectionConfig(**settings)
    for name in settings:
        owner = _OWNERS.get(name, injection.method)
        if owner != injection.method:
            raise ConfigurationError(
                f"{option_of(name)}: only for --method {owner}, but it is {injection.method}; leave it out"
            )
    return injection


def _chosen(options: Namespace) -> TriggerSpace:
    """The kinds of triggers that were named, of which one or more have every option that was given."""
    space = TriggerSpace.from_kinds(options.triggers)
    for name in given(options, _TRIGGERS):
        having = [family.kind for family in TRIGGERS.values() if name in family.maker_options]
        if not set(having) & set(options.triggers):
            raise ConfigurationError(
                f"{option_of(name)}: only for {' and '.join(having)}, but --triggers is {options.triggers}"
            )
    return space


def _family(family: TriggerFamily, options: Namespace) -> TriggerFamily:
    """A family with what the user said about it."""
    settings = given(options, _TRIGGERS)
    fields = family.maker_options
    return dataclasses.replace(
        family, **{fields[name]: settings[name] for name in settings if name in fields}
    )


def _held_out(options: Namespace) -> HeldOutConfig | None:
    held = {name.removeprefix("held_out_"): value for name, value in given(options, _HELD_OUT).items()}
    if "split_fractions" in held:
        held["fractions"] = held.pop("split_fractions")
    if list(held) == ["fractions"]:
        raise ConfigurationError("--split-fractions: only where something is held out; name what")
    return HeldOutConfig(**held) if held else None
