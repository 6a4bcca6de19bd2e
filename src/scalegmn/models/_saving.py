"""Saving a metanetwork in one folder and loading it again: safetensors and a readable configuration.

In the manner of huggingface_hub's ``PyTorchModelHubMixin``, whose folders look the same, but strict
(every weight must be there) and local (nothing is ever fetched: names such as ``scalegmn/trojan-detector``
are those of models in the package, :mod:`scalegmn.shipped`).
"""

from __future__ import annotations

import json
from abc import ABC
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from scalegmn.checkpoints import read_tensors, write_state
from scalegmn.configuration import Reconstructible, format_value
from scalegmn.disk import make_folder, replace_file
from scalegmn.errors import CheckpointError, ConfigurationError, ScaleGMNError
from scalegmn.models._shapes_alone import shapes_alone
from scalegmn.networks import read_json
from scalegmn.shipped import located_model

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"

M = TypeVar("M", bound="SavedModule")


class SavedModule(nn.Module, Reconstructible, ABC):
    """A module that saves and loads itself."""

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

        Args:
            folder: that :meth:`save_pretrained` wrote, or the name of a model that comes with the library,
                such as ``scalegmn/trojan-detector``; nothing is fetched.

        Raises:
            ConfigurationError: the configuration is missing, wrong, or belongs to another class.
            CheckpointError: the weights are missing, damaged, or do not fit the configuration.
        """
        folder = located_model(folder)
        config = read_json(folder / CONFIG_FILE, what="model configuration")
        kind = config.pop("model", None)
        if kind != cls.__name__:
            raise ConfigurationError(
                f"{folder / CONFIG_FILE}: holds a model of class {format_value(kind)}, expected "
                f"{cls.__name__!r}"
            )
        tensors = read_tensors(folder / WEIGHTS_FILE)
        try:
            _check_size(cls, config, tensors)
            model = cls.from_config(config)
        except ScaleGMNError as error:
            raise ConfigurationError(f"{folder / CONFIG_FILE}: {error}") from error
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
        except ScaleGMNError as error:
            raise CheckpointError(f"{folder / WEIGHTS_FILE}: {error}") from error
        return model.eval()


def _check_size(kind: type[SavedModule], config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Refuse a configuration that asks for more than the weights beside it, before anything is built.

    Whoever writes a configuration could otherwise ask for years of work and all the memory there is.

    Raises:
        ConfigurationError: it asks for more layers than there are tensors, or for larger ones.
    """
    layers = max(_layers(config), default=0)
    if layers > len(tensors):
        raise ConfigurationError(f"layers is {layers}, but the weights beside it are {len(tensors)} tensors")
    try:
        # Shapes without numbers: nothing is allocated.
        with shapes_alone():
            needed = sum(value.numel() for value in kind.from_config(config).state_dict().values())
    except RuntimeError as error:
        raise ConfigurationError(f"{kind.__name__}: no such model can be built: {error}") from error
    found = sum(tensor.numel() for tensor in tensors.values())
    if needed > 2 * found:
        raise ConfigurationError(
            f"{kind.__name__}: asks for {needed:,} numbers, but the weights beside it are {found:,}"
        )


def _layers(data: object) -> Iterator[int]:
    """How many layers the configurations in a description ask for."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key == "config" and isinstance(value, Mapping) and isinstance(value.get("layers"), int):
                yield value["layers"]
            yield from _layers(value)
    elif isinstance(data, list):
        # Members of an ensemble.
        for value in data:
            yield from _layers(value)
