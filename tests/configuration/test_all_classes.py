"""Every class of options in the library checks every one of its fields, whoever wrote it."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import scalegmn
from scalegmn.configuration import (
    Configuration,
    Limits,
    concrete_configurations,
    field_types,
    from_plain,
    to_plain,
)
from scalegmn.errors import ConfigurationError
from scalegmn.trojans.triggers import Trigger

for _module in pkgutil.walk_packages(scalegmn.__path__, "scalegmn."):
    importlib.import_module(_module.name)

CLASSES = sorted(
    (kind for kind in concrete_configurations() if kind.__module__.startswith("scalegmn.")),
    key=lambda kind: (kind.__module__, kind.__qualname__),
)

# Frozen dataclasses with keywords that are no options: results, and values between layers.
VALUES = {
    "Attack",
    "ChangeSearch",
    "ClassifierHyper",
    "Decoder",
    "Elements",
    "FinishedTraining",
    "FileResult",
    "GeneralOptions",
    "Hyperparameters",
    "ImageExamples",
    "LineCurve",
    "MeasuredLine",
    "ReadJob",
    "BeforeAfter",
    "NeighborAgreement",
    "Neighborhoods",
    "PredictionCosts",
    "RewrittenFigures",
    "Steps",
    "TreeRow",
    "TwinPair",
    "ReadLimits",
    "ReadingOptions",
    "PlanOptions",
    "RepairOutcome",
    "SmallCnnZoo",
    "ReadoutNeeds",
    "WildLayout",
    "Limits",
    "ModelContext",
    "TaskContext",
    "Entries",
}

# Rooms of mathematics: their frozen dataclasses are programs, parts of programs, groups, elements, outcomes.
VALUE_ROOMS = ("scalegmn.programs.", "scalegmn.symmetry.", "scalegmn.alignment.")

ENDINGS = ("Config", "Settings", "Recipe", "Options", "Style")


def fields() -> Iterator[Any]:
    for kind in CLASSES:
        for name, annotation in field_types(kind).items():
            yield pytest.param(kind, name, annotation, id=f"{kind.__qualname__}.{name}")


def parts(annotation: Any) -> Iterator[Any]:
    """An annotation and everything in it."""
    yield annotation
    for part in typing.get_args(annotation):
        yield from parts(part)


def wrong_for(annotation: Any) -> Iterator[object]:
    """Values that no field with this annotation may take."""
    origin = typing.get_origin(annotation)
    bare = typing.get_args(annotation)[0] if origin is typing.Annotated else annotation
    options = typing.get_args(bare) if typing.get_origin(bare) in (typing.Union, types.UnionType) else (bare,)
    kinds = {typing.get_args(o)[0] if typing.get_origin(o) is typing.Annotated else o for o in options}
    yield object()
    if Any in kinds or kinds & {str, Path}:
        yield "\ud800"
    else:
        yield "nonsense"
    if str not in kinds and Path not in kinds:
        yield b"bytes"
    if bool not in kinds:
        yield True
    if kinds <= {int, float, types.NoneType}:
        yield from (float("nan"), float("inf"), "1,5", [1], 10**30 if int in kinds else 10**400)
    if int in kinds and float not in kinds:
        yield from (2.5, 1.0, "2.5")
    for mark in (m for part in options for m in parts(part)):
        for limits in getattr(mark, "__metadata__", ()):
            if isinstance(limits, Limits) and kinds <= {int, float, types.NoneType}:
                low = limits.low if limits.low is not None else limits.above
                yield (low or 0) - 1
    if any(isinstance(kind, type) and issubclass(kind, Enum) for kind in kinds):
        yield from ("", "Scaling", 0)
    if types.NoneType not in kinds and Any not in kinds:
        yield None


def example(kind: type[Configuration]) -> dict[str, Any]:
    """Values for what has no default."""
    samples: Mapping[Any, Any] = {int: 3, float: 0.5, str: "x", bool: True, Path: "x"}
    found = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if missing and field.init:
            found[field.name] = sample(field_types(kind)[field.name], samples)
    if kind.__name__ == "HeldOutConfig":
        found["sizes"] = (3,)
    return found


def sample(annotation: Any, samples: Mapping[Any, Any]) -> Any:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Annotated, typing.Union, types.UnionType):
        return sample(inner[0], samples)
    if origin is tuple:
        return (sample(inner[0], samples),)
    if isinstance(annotation, type) and issubclass(annotation, Configuration):
        return annotation(**example(annotation))
    return samples.get(annotation, samples.get(origin, max))


@pytest.mark.parametrize(("kind", "name", "annotation"), list(fields()))
def test_a_wrong_value_is_refused_in_one_sentence(
    kind: type[Configuration], name: str, annotation: Any
) -> None:
    good = example(kind)
    kind(**good)
    for value in wrong_for(annotation):
        with pytest.raises(ConfigurationError) as caught:
            kind(**{**good, name: value})
        message = str(caught.value)
        assert message.startswith(f"{kind.__name__}: "), value
        assert f"{name} is " in message or f"{name}." in message
        assert "expected " in message
        assert message.isprintable() and len(message) < 600


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__qualname__)
def test_plain_values_come_back(kind: type[Configuration]) -> None:
    made = kind(**example(kind))
    try:
        plain = to_plain(made)
    except TypeError:
        pytest.skip("holds what has no plain form, such as a function")
    if kind.__name__ in ("CnnRecipe", "ClassifierRecipe", "TriggerSpace", "TrojanRecipe"):
        pytest.skip("what is drawn from is recorded, and made in Python only")
    fields = {name: value for name, value in plain.items() if name in field_types(kind)}
    again = from_plain(kind, fields)
    assert to_plain(again) == plain


def library_classes() -> set[type]:
    modules = [module for name, module in sys.modules.items() if name.startswith("scalegmn.")]
    return {value for module in modules for value in vars(module).values() if isinstance(value, type)}


def test_no_class_of_options_escapes() -> None:
    """Frozen dataclasses with keywords, and what is called a configuration, are such or listed above."""
    found = {
        kind
        for kind in library_classes()
        if kind.__module__.startswith("scalegmn.") and not kind.__module__.startswith(VALUE_ROOMS)
    }
    keywords = {
        kind
        for kind in found
        if dataclasses.is_dataclass(kind)
        and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        and dataclasses.fields(kind)
        and all(field.kw_only for field in dataclasses.fields(kind))
    }
    named = {kind for kind in found if kind.__name__.endswith(ENDINGS)}
    loose = {kind.__name__ for kind in keywords | named if not issubclass(kind, Configuration | Trigger)}
    assert loose - VALUES == set()


def test_classes_are_found() -> None:
    assert len(CLASSES) > 55
