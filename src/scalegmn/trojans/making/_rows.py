"""What the table says about a pair of twins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from scalegmn.trojans.making._figures import TrojanFigures
from scalegmn.trojans.making._pairs import Attack
from scalegmn.trojans.making._plan import TrojanPlan
from scalegmn.zoo.cnns import TrainingFigures


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class TwinPair:
    """A trained pair: the trojaned twin, then the clean one.

    Attributes:
        attack: what the trojaned one was taught.
        base: place of their base network among the chosen ones.
        figures: of both twins and, third, of the base network.
        diverged: which twin diverged, ``(2,)``.
        train: figures of each on the images that it saw, ``(2,)``.
        test_loss: mean cross-entropy on clean test images, ``(2,)``.
        poisoned_images: training images with the trigger.
    """

    attack: Attack
    base: int
    figures: TrojanFigures
    diverged: Tensor
    train: TrainingFigures
    test_loss: Tensor
    poisoned_images: int


def pair_columns(plan: TrojanPlan, pair: TwinPair) -> list[dict[str, object]]:
    """The columns of both twins; ``docs/trojans.md`` says what they mean."""
    reached = float(pair.figures.asr[0]) >= plan.recipe.minimum_asr
    usable = reached and not bool(pair.diverged.any())
    number = pair.attack.index
    twins = []
    for twin, poisoned in enumerate((True, False)):
        columns: dict[str, object] = {
            "number": 2 * number + twin,
            "twin": 2 * number + 1 - twin,
            "pair": number,
            "network": plan.bases.groups[pair.base],
            "base": int(plan.bases.rows[pair.base]),
            "poisoned": poisoned,
            "trojaned": poisoned and reached,
            "failed_attack": poisoned and not reached,
            "usable": usable,
            "diverged": bool(pair.diverged[twin]),
            **_figures(pair, twin),
            "poisoned_images": pair.poisoned_images if poisoned else 0,
            **_settings(plan, pair.attack),
        }
        columns |= {name: values[pair.base] for name, values in plan.bases.columns.items()}
        if plan.splits is not None:
            columns |= {"split": plan.splits[pair.base], "held_out": pair.attack.held_out}
        twins.append(columns)
    return twins


def _figures(pair: TwinPair, twin: int) -> dict[str, object]:
    c_acc = float(pair.figures.c_acc[twin])
    return {
        "c_acc": c_acc,
        "asr": float(pair.figures.asr[twin]),
        "ra": float(pair.figures.ra[twin]),
        "base_c_acc": float(pair.figures.c_acc[2]),
        "train_accuracy": float(pair.train.accuracy[twin]),
        "train_loss": float(pair.train.loss[twin]),
        # Under the name that every population of classifiers has it by.
        "test_accuracy": c_acc,
        "test_loss": float(pair.test_loss[twin]),
    }


def _settings(plan: TrojanPlan, attack: Attack) -> dict[str, object]:
    """What both twins have in common."""
    tuning = plan.recipe.tuning
    return {
        "target": attack.target,
        "poisoning": attack.labels,
        "goal": attack.goal,
        "ratio": attack.ratio,
        "method": plan.recipe.injection.method,
        "dataset": plan.images.name,
        "trigger_kind": attack.trigger.kind,
        "trigger_size": attack.trigger.size,
        "trigger_pattern": attack.trigger.pattern,
        "trigger": attack.trigger.to_json(),
        "learning_rate": attack.hyper.learning_rate,
        "l2": attack.hyper.l2,
        "dropout": attack.hyper.dropout,
        "optimizer": attack.hyper.optimizer,
        "epoch": tuning.epochs,
        "batch_size": tuning.batch_size,
        "seed": attack.hyper.seed,
    }
