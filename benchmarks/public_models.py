"""The models of the paper's public code in this process, asked about networks of ours.

The code is a checkout that you give (see `public_code.py`); none of it is part of this project.  Its
configuration files and its modules are used as they are, and batches get the fields that its models read.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from benchmarks.public_code_side import LOGGER, OTHERS, StandIns
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from scalegmn.errors import ConfigurationError
from scalegmn.graph import NetworkBatch
from scalegmn.networks import Architecture

MODELS, TYPES = "src.scalegmn.models", "src.data.data_utils"


def public_model(path: Path, name: str, batch: NetworkBatch) -> tuple[nn.Module, Callable[[], Tensor]]:
    """The model of the configuration `name`, such as "mnist_cls/scalegmn", and its answer about a batch.

    Raises:
        ConfigurationError: the folder is no checkout of the public code.
    """
    place = path / "configs" / f"{name}.yml"
    try:
        config = yaml.safe_load(place.read_text(encoding="utf-8"))
        options = copy.deepcopy(config["scalegmn_args"])
        layout = [int(width) for width in config["data"]["layer_layout"]]
        with public_modules(path):
            models, types = importlib.import_module(MODELS), importlib.import_module(TYPES)
        options["layer_layout"] = layout
        kind = models.ScaleGMN_equiv if options["equivariant"] else models.ScaleGMN
        fields = Fields(options, layout, types)
        model: nn.Module = kind(options).to(batch.device)
    except (OSError, KeyError, TypeError, AttributeError, ImportError, yaml.YAMLError) as error:
        raise ConfigurationError(
            f"--public is {str(path)!r}, which cannot be used as the public code: {type(error).__name__}: "
            f"{error}; expected a checkout of https://github.com/jkalogero/scalegmn"
        ) from error
    graph = fields.batch(batch).to(batch.device)
    # What its models compute first is written into the batch, so each call gets one of its own.
    if not options["equivariant"]:
        return model, lambda: model(copy.copy(graph))
    weights, biases = fields.parameters(batch)

    def edit() -> Tensor:
        new_weights, new_biases = model(copy.copy(graph), weights, biases)
        pairs = zip([*weights, *biases], [*new_weights, *new_biases], strict=True)
        return torch.cat([(old + new).flatten() for old, new in pairs])

    return model, edit


@contextlib.contextmanager
def public_modules(path: Path) -> Iterator[None]:
    """Import what is called `src` from the checkout, not from a repository of ours.

    Modules that it imports for other experiments, and its logger, may be missing.
    """
    given, finders, absent = list(sys.path), list(sys.meta_path), StandIns((*OTHERS, LOGGER))
    others = [entry for entry in given if not (Path(entry) / "src" / "scalegmn" / "__init__.py").is_file()]
    for loaded in [one for one in sys.modules if one == "src" or one.startswith("src.")]:
        del sys.modules[loaded]
    sys.path[:] = [str(path.resolve()), *others]
    sys.meta_path.append(absent)
    try:
        yield
    finally:
        sys.path[:], sys.meta_path[:] = given, finders
        # Others, who look whether a package is there, must not find what stands in for it.
        for name in [one for one in sys.modules if one.partition(".")[0] in (*OTHERS, LOGGER)]:
            spec = sys.modules[name].__spec__
            if spec is not None and spec.loader is absent:
                del sys.modules[name]


class Fields:
    """What the public models read of a batch of networks.

    Args:
        options: of the model in its configuration.
        layout: neurons of every layer.
        types: its module that numbers neurons and edges for positional encodings.
    """

    def __init__(self, options: dict[str, Any], layout: list[int], types: Any) -> None:
        self.layout, self.bidirectional = layout, options["direction"] == "bidirectional"
        self.taps = options.get("_max_kernel_height", 1) * options.get("_max_kernel_width", 1)
        self.masked = "_max_kernel_height" in options
        starts = torch.tensor([0, *layout]).cumsum(0).tolist()
        self.edges = torch.cat(
            [
                torch.cartesian_prod(torch.arange(a, b), torch.arange(b, c))
                for a, b, c in zip(starts, starts[1:], starts[2:], strict=False)
            ]
        ).T.contiguous()
        node = torch.arange(sum(layout)).unsqueeze(1)
        self.common = {
            "edge_index": self.edges,
            "mask_hidden": (node >= layout[0]) & (node < sum(layout[:-1])),
            "mask_first_layer": node < layout[0],
        }
        if self.bidirectional:
            self.common["bw_edge_index"] = self.edges.flip(0)
        if options["node_pos_embed"]:
            self.common["node2type"] = types.get_node_types(layout)
        if options["edge_pos_embed"]:
            self.common["edge2type"] = types.get_edge_types(layout)

    def batch(self, batch: NetworkBatch) -> Batch:
        """All networks as one batch of PyTorch Geometric."""
        return Batch.from_data_list(
            [
                self._graph(architecture, one)
                for architecture, theta in batch.parts
                for one in theta.detach().cpu()
            ]
        )

    def _graph(self, architecture: Architecture, theta: Tensor) -> Data:
        weights, biases = _layers(architecture, theta.unsqueeze(0))
        edges = torch.zeros(self.edges.shape[1], self.taps)
        start = 0
        for weight in weights:
            rows = weight[0].flatten(0, 1)
            edges[start : start + len(rows), : rows.shape[1]] = rows
            start += len(rows)
        # Inputs have no bias: 1 in networks of coordinates, 0 in those of images.
        first = torch.full((self.layout[0], 1), 0.0 if self.masked else 1.0)
        more = {"sign_mask": "tanh" in architecture.activation_kinds} if self.masked else {}
        x = torch.cat([first, *(bias[0] for bias in biases)])
        return Data(x=x, edge_attr=edges, label=0, y=0.0, **self.common, **more)

    def parameters(self, batch: NetworkBatch) -> tuple[list[Tensor], list[Tensor]]:
        """Weights ``(B, in, out, taps)`` and biases ``(B, out, 1)`` of every layer."""
        return _layers(*batch.single)


def _layers(architecture: Architecture, theta: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    tensors = list(architecture.unflatten(theta).values())
    weights = [one.reshape(*one.shape[:3], -1).transpose(1, 2) for one in tensors if one.ndim > 2]
    return weights, [one.unsqueeze(2) for one in tensors if one.ndim == 2]
