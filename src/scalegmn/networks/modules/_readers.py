"""How the modules of PyTorch and of this library are read: one small function per class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from scalegmn.networks import Activate, Activation, Conv, Dense, Dropout, Flatten, Layer, Pool, Size
from scalegmn.networks import Shift as ShiftLayer
from scalegmn.networks.modules._building import PLAIN_ACTIVATIONS, Elementwise, ShiftModule, Sine
from scalegmn.networks.modules._registry import ModulePosition, register_module_reader


def _pair(value: int | Sequence[int]) -> Size:
    if isinstance(value, int):
        return value, value
    height, width = value
    return height, width


def _linear(module: nn.Linear, place: ModulePosition) -> list[Layer]:
    return [Dense(place.name, module.in_features, module.out_features, module.bias is not None)]


def _conv2d(module: nn.Conv2d, place: ModulePosition) -> list[Layer]:
    if module.padding_mode != "zeros":
        raise place.refusal(module, f"padding_mode={module.padding_mode!r}, only 'zeros' is supported")
    kernel, dilation = _pair(module.kernel_size), _pair(module.dilation)
    padding = (0, 0)
    if module.padding == "same":
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        if any(t % 2 for t in total):
            raise place.refusal(
                module,
                f"padding='same' of kernel {kernel} is not symmetric; use an odd kernel or padding by number",
            )
        padding = (total[0] // 2, total[1] // 2)
    elif not isinstance(module.padding, str):
        padding = _pair(module.padding)
    return [
        Conv(
            place.name,
            module.in_channels,
            module.out_channels,
            kernel,
            stride=_pair(module.stride),
            padding=padding,
            dilation=dilation,
            groups=module.groups,
            bias=module.bias is not None,
        )
    ]


def _plain(kind: str) -> Callable[[nn.Module, ModulePosition], list[Layer]]:
    def read(module: nn.Module, place: ModulePosition) -> list[Layer]:
        return [Activate(Activation(kind))]

    return read


def _gelu(module: nn.GELU, place: ModulePosition) -> list[Layer]:
    if module.approximate != "none":
        raise place.refusal(module, f"approximate={module.approximate!r}, only the exact GELU is supported")
    return [Activate(Activation("gelu"))]


def _elu(module: nn.ELU, place: ModulePosition) -> list[Layer]:
    if module.alpha != 1:
        raise place.refusal(module, f"alpha={module.alpha}, only alpha=1 is supported")
    return [Activate(Activation("elu"))]


def _softplus(module: nn.Softplus, place: ModulePosition) -> list[Layer]:
    if module.beta != 1 or module.threshold != 20:
        raise place.refusal(
            module, f"beta={module.beta} and threshold={module.threshold}, only 1 and 20 are supported"
        )
    return [Activate(Activation("softplus"))]


def _over_channels(kind: str) -> Callable[[nn.Softmax | nn.LogSoftmax, ModulePosition], list[Layer]]:
    def read(module: nn.Softmax | nn.LogSoftmax, place: ModulePosition) -> list[Layer]:
        # On a vector per example the last dimension is the first behind the batch.
        if module.dim != 1 and not (module.dim == -1 and place.data == "vectors"):
            raise place.refusal(module, f"dim={module.dim}, only dim=1 (the neurons) is supported")
        return [Activate(Activation(kind))]

    return read


def _prelu(module: nn.PReLU, place: ModulePosition) -> list[Layer]:
    return [Activate(Activation("prelu"), name=place.name, count=module.num_parameters)]


def _identity(module: nn.Identity, place: ModulePosition) -> list[Layer]:
    return []


def _flatten(module: nn.Flatten, place: ModulePosition) -> list[Layer]:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise place.refusal(
            module, f"start_dim={module.start_dim} and end_dim={module.end_dim}, only 1 and -1 are supported"
        )
    return [] if place.data == "vectors" else [Flatten()]


def _max_pool(module: nn.MaxPool2d, place: ModulePosition) -> list[Layer]:
    if _pair(module.dilation) != (1, 1) or module.ceil_mode or module.return_indices:
        raise place.refusal(module, "dilation, ceil_mode and return_indices are not supported")
    return [Pool("max", _pair(module.kernel_size), _pair(module.stride), _pair(module.padding))]


def _average_pool(module: nn.AvgPool2d, place: ModulePosition) -> list[Layer]:
    padding = _pair(module.padding)
    if module.ceil_mode or module.divisor_override or (padding != (0, 0) and not module.count_include_pad):
        raise place.refusal(
            module, "ceil_mode, divisor_override and count_include_pad=False are not supported"
        )
    return [Pool("average", _pair(module.kernel_size), _pair(module.stride), padding)]


def _whole_map(
    kind: str,
) -> Callable[[nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, ModulePosition], list[Layer]]:
    def read(module: nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, place: ModulePosition) -> list[Layer]:
        if module.output_size not in (1, (1, 1), [1, 1]):
            raise place.refusal(module, f"output_size={module.output_size}, only 1 is supported")
        if isinstance(module, nn.AdaptiveMaxPool2d) and module.return_indices:
            raise place.refusal(module, "return_indices is not supported")
        return [Pool(kind)]

    return read


def _dropout(module: nn.Dropout | nn.Dropout1d | nn.Dropout2d, place: ModulePosition) -> list[Layer]:
    return [Dropout(module.p)]


def register_standard_readers() -> None:
    """Register the classes of PyTorch and of this library that are supported."""
    # Some of these have options and get a reader of their own below.
    for kind, plain in PLAIN_ACTIVATIONS.items():
        register_module_reader(plain, _plain(kind))
    register_module_reader(nn.Linear, _linear)
    register_module_reader(nn.Conv2d, _conv2d)
    register_module_reader(nn.GELU, _gelu)
    register_module_reader(nn.ELU, _elu)
    register_module_reader(nn.Softplus, _softplus)
    register_module_reader(nn.Softmax, _over_channels("softmax"))
    register_module_reader(nn.LogSoftmax, _over_channels("log_softmax"))
    register_module_reader(nn.LeakyReLU, lambda m, _: [Activate(Activation("leaky_relu", m.negative_slope))])
    register_module_reader(nn.PReLU, _prelu)
    register_module_reader(Sine, lambda m, _: [Activate(Activation("sine", m.frequency))])
    register_module_reader(Elementwise, lambda m, _: [Activate(m.activation)])
    register_module_reader(ShiftModule, lambda m, _: [ShiftLayer(m.value)])
    register_module_reader(nn.Identity, _identity)
    register_module_reader(nn.Flatten, _flatten)
    register_module_reader(nn.MaxPool2d, _max_pool)
    register_module_reader(nn.AvgPool2d, _average_pool)
    register_module_reader(nn.AdaptiveMaxPool2d, _whole_map("max"))
    register_module_reader(nn.AdaptiveAvgPool2d, _whole_map("average"))
    register_module_reader(nn.Dropout, _dropout)
    register_module_reader(nn.Dropout1d, _dropout)
    register_module_reader(nn.Dropout2d, _dropout)
