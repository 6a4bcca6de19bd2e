"""Saving a metanetwork in one folder and loading it again: safetensors and a readable configuration.

In the manner of huggingface_hub's ``PyTorchModelHubMixin``, whose folders look the same, but strict
(every weight must be there) and local (nothing is ever fetched).
"""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from scalegmn.disk import make_folder, replace_file
from scalegmn.errors import CheckpointError, ConfigurationError
from scalegmn.models.config import Direction, ModelConfig, ReadoutKind, Symmetry
from scalegmn.networks.checkpoints import read_state, write_state
from scalegmn.networks.files import read_json

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
_ENUMS = {"direction": Direction, "symmetry": Symmetry, "readout": ReadoutKind}

M = TypeVar("M", bound="SavedModule")


class SavedModule(nn.Module, ABC):
    """A module that saves and loads itself."""

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """Everything its constructor needs, as plain data."""

    @classmethod
    @abstractmethod
    def from_config(cls: type[M], data: Mapping[str, Any]) -> M:
        """The inverse of :meth:`to_config`, with fresh weights."""

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``; the folder is made where it is missing."""
        folder = make_folder(folder)
        config = {"model": type(self).__name__, **self.to_config()}
        text = json.dumps(config, indent=2, allow_nan=False)
        replace_file(folder / CONFIG_FILE, f"{text}\n".encode())
        write_state(
            folder / WEIGHTS_FILE, {k: v.detach() for k, v in self.state_dict().items()}, overwrite=True
        )

    @classmethod
    def from_pretrained(cls: type[M], folder: str | Path) -> M:
        """Load a model, in evaluation mode.

        Raises:
            ConfigurationError: the configuration is missing, wrong, or belongs to another class.
            CheckpointError: the weights are missing, damaged, or do not fit the configuration.
        """
        folder = Path(folder)
        config = read_json(folder / CONFIG_FILE, what="model configuration")
        kind = config.pop("model", None)
        if kind != cls.__name__:
            raise ConfigurationError(
                f"{folder / CONFIG_FILE}: holds a model of class {kind!r}, expected {cls.__name__!r}"
            )
        try:
            model = cls.from_config(config)
        except (KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{folder / CONFIG_FILE}: entries of {cls.__name__} are missing, unknown or of the wrong "
                f"type: {error!r}"
            ) from error
        tensors = read_state(folder / WEIGHTS_FILE).tensors
        # A model saved in double precision comes back in double precision.
        dtypes = {tensor.dtype for tensor in tensors.values()}
        if len(dtypes) == 1:
            model.to(dtypes.pop())
        try:
            model.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            raise CheckpointError(
                f"{folder / WEIGHTS_FILE}: does not fit {CONFIG_FILE} beside it: {error}"
            ) from error
        return model.eval()


def encode_config(config: ModelConfig) -> dict[str, Any]:
    """Plain data, fit for JSON."""
    data = dataclasses.asdict(config)
    return data | {name: kind(data[name]).value for name, kind in _ENUMS.items()}


def decode_config(data: Mapping[str, Any]) -> ModelConfig:
    """The inverse of :func:`encode_config`.

    Raises:
        ConfigurationError: unknown or wrong entries.
    """
    known = {field.name for field in dataclasses.fields(ModelConfig)}
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigurationError(
            f"the saved model configuration has unknown entries {unknown}; known: {sorted(known)}"
        )
    try:
        values: dict[str, Any] = {
            key: _ENUMS[key](value) if key in _ENUMS else value for key, value in data.items()
        }
        return ModelConfig(**values)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the saved model configuration {dict(data)} is invalid: {error}") from error
