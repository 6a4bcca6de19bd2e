"""Models of the package transformers, which is imported when one is built and not before."""

from __future__ import annotations

from typing import Any

from torch import nn


def random_model(kind: str, config: str, **options: Any) -> nn.Module:
    """The model of a class and of a class of configurations, by their names; nothing is downloaded."""
    import transformers

    return getattr(transformers, kind)(getattr(transformers, config)(**options))
