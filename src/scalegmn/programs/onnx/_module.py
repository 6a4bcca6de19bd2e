"""The nodes of a file as a module, which is traced as any other one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor, nn

from scalegmn.checkpoints.onnx import OnnxModel

from ._parameters import ParameterChoice
from ._resolving import OnnxResolution, OnnxStep, computed


@final
class OnnxStepModule(nn.Module):
    """One node, so that what is traced knows where it was written.

    Args:
        step: the node.
        opset: version of the operators.
    """

    def __init__(self, step: OnnxStep, *, opset: int) -> None:
        super().__init__()
        self._step = step
        self._opset = opset

    def forward(self, *inputs: Tensor | None) -> tuple[Tensor, ...]:
        """What the node writes."""
        return computed(self._step, inputs, opset=self._opset)


@final
class OnnxModule(nn.Module):
    """All nodes in order.

    Names of a file may hold anything, and those of modules may not: parameters, constants and nodes have
    numbers here, and :attr:`names` and :attr:`places` say whose they are.

    Args:
        model: the file.
        resolution: of its nodes.
        parameters: by name.

    Attributes:
        names: of the parameters, by their names here.
        places: of the nodes, likewise.
    """

    def __init__(
        self, model: OnnxModel, *, resolution: OnnxResolution, parameters: Mapping[str, ParameterChoice]
    ) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self._inputs = [value.name for value in model.inputs]
        self._outputs = [value.name for value in model.outputs]
        self._held: dict[str, str] = {}
        for name, choice in parameters.items():
            key = f"parameter_{len(self.names)}"
            self.names[key] = name
            self._held[name] = key
            if choice.buffer:
                self.register_buffer(key, choice.value)
            else:
                self.register_parameter(key, nn.Parameter(choice.value, requires_grad=False))
        read = {name for step in resolution.steps for name in step.node.inputs}.union(self._outputs)
        for name in [name for name in resolution.constants if name in read]:
            key = f"constant_{len(self._held)}"
            self._held[name] = key
            self.register_buffer(key, resolution.constants[name], persistent=False)
        self._steps = nn.ModuleDict()
        for step in resolution.steps:
            node = step.node
            key = f"{node.operator}_{node.index}"
            self._steps[key] = OnnxStepModule(step, opset=model.opset)
            self.places[f"_steps.{key}"] = node.name or key

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs of the model, in order."""
        values: dict[str, Tensor] = dict(zip(self._inputs, inputs, strict=True))
        for name, key in self._held.items():
            values[name] = getattr(self, key)
        for part in self._steps.values():
            assert isinstance(part, OnnxStepModule)
            node = part._step.node
            written = part(*(values[name] if name else None for name in node.inputs))
            values.update(zip(node.outputs, written, strict=False))
        return tuple(values[name] for name in self._outputs)
