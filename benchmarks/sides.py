"""What takes part in a race: the model as it runs, its plain formula, and the public code of the paper."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from benchmarks.published import Setting
from torch import Tensor, nn

from scalegmn.graph import GraphSpec, NetworkBatch
from scalegmn.models import ModelConfig, ScaleGMN, ScaleGMNEditor
from scalegmn.training import parse_config

CONFIGS = Path(__file__).parents[1] / "src" / "scalegmn" / "configs"
Ask = Callable[[NetworkBatch], Tensor]
Autocast = Callable[[], contextlib.AbstractContextManager[object]]


def config_of(setting: Setting) -> ModelConfig:
    """The options of the model in the configuration of a setting."""
    config, problems = parse_config(["--config", str(CONFIGS / f"{setting.config}.yaml")])
    assert config is not None and not problems, problems
    return config.options.of(ModelConfig)


def batch_of(setting: Setting, size: int, device: str) -> NetworkBatch:
    each = size // len(setting.architectures)
    parts = tuple((a, 0.1 * torch.randn(each, a.num_parameters)) for a in setting.architectures)
    return NetworkBatch(parts, torch.arange(each * len(parts))).to(device)


def fresh(batch: NetworkBatch) -> NetworkBatch:
    """The same networks without what was computed for them before."""
    return NetworkBatch(batch.parts, batch.positions)


def model_of(setting: Setting, config: ModelConfig) -> nn.Module:
    """A new model."""
    spec = GraphSpec.from_architectures(setting.architectures)
    if setting.outputs is None:
        return ScaleGMNEditor(spec=spec, config=config)
    return ScaleGMN(spec=spec, outputs=setting.outputs, config=config)


def ask_of(model: nn.Module) -> Ask:
    """Predictions, or edited parameters."""
    if isinstance(model, ScaleGMNEditor):
        return lambda batch: torch.cat([theta for _, theta in model.edit(batch).parts])
    assert isinstance(model, ScaleGMN)
    return model.predict


def plain_of(model: nn.Module) -> nn.Module:
    """A copy of the model whose layers call their own forwards."""
    assert isinstance(model, ScaleGMN | ScaleGMNEditor)
    plain = copy.deepcopy(model)
    plain.backbone.fast = False
    return plain


@dataclass(frozen=True)
class Side:
    """A model and its optimizer, with the two steps that are raced.

    Attributes:
        model: on the device.
        ask: its answer about the batch, made anew in every call as in training.
        autocast: the precision that it runs in.
    """

    model: nn.Module
    ask: Callable[[], Tensor]
    autocast: Autocast

    def training(self) -> Callable[[], object]:
        """Forward, backward and AdamW."""
        self.model.train()
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)

        def step() -> None:
            optimizer.zero_grad()
            with self.autocast():
                loss = self.ask().float().square().mean()
            loss.backward()
            optimizer.step()

        return step

    def inference(self) -> Callable[[], object]:
        """Forward without gradients."""
        self.model.eval()

        @torch.no_grad()
        def step() -> None:
            with self.autocast():
                self.ask()

        return step


def autocast_to(precision: str, device: str) -> Autocast:
    """What "float32" and "bfloat16" mean."""
    if precision == "float32":
        return contextlib.nullcontext
    return lambda: torch.autocast(device.split(":")[0], torch.bfloat16)


def sides_of(
    setting: Setting,
    name: str,
    *,
    size: int,
    device: str,
    precision: str,
    compiled: bool,
    public: Path | None,
) -> dict[str, Side]:
    """All that take part, under their names; "ours" is the first."""
    torch.manual_seed(0)
    model = model_of(setting, config_of(setting)).to(device)
    batch, usual = batch_of(setting, size, device), autocast_to(precision, device)

    def side(model: nn.Module, autocast: Autocast = usual) -> Side:
        ask = ask_of(model)
        return Side(model, lambda: ask(fresh(batch)), autocast)

    sides = {"ours": side(model), "plain": side(plain_of(model))}
    if precision != "float32":
        sides["float32"] = side(copy.deepcopy(model), contextlib.nullcontext)
    if compiled:
        other = copy.deepcopy(model)
        other.compile(dynamic=False)
        sides["compiled"] = side(other)
    if public is not None:
        from benchmarks.public_models import public_model

        sides["public"] = Side(*public_model(public, name, batch), usual)
    return sides
