"""Convolutional networks with few operations: depthwise, grouped, squeezed, gated, shuffled."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        act(),
    )


class MobileNetV1(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            conv_bn(3, 4, 3, 2),
            conv_bn(4, 4, 3, 1, groups=4),
            conv_bn(4, 6, 1),
            conv_bn(6, 6, 3, 2, groups=6),
            conv_bn(6, 8, 1),
            nn.AdaptiveAvgPool2d(1),
        )
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.model(x).view(-1, 8))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.use_skip = stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_bn(inputs, hidden, 1, act=nn.ReLU6))
        layers += [
            conv_bn(hidden, hidden, 3, stride, groups=hidden, act=nn.ReLU6),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_skip else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 4, 3, 2, act=nn.ReLU6),
            InvertedResidual(4, 4, 1, 1),
            InvertedResidual(4, 6, 2, 2),
            InvertedResidual(6, 6, 1, 2),
            conv_bn(6, 8, 1, act=nn.ReLU6),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean([2, 3]))


class SqueezeExcitation(nn.Module):
    """A gate per channel, computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int, *, hard: bool) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.act: nn.Module = nn.ReLU() if hard else nn.SiLU()
        self.gate: nn.Module = nn.Hardsigmoid() if hard else nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * self.gate(self.fc2(self.act(self.fc1(scale))))


class MobileNetV3Block(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.expand = conv_bn(inputs, hidden, 1, act=nn.Hardswish)
        self.depthwise = conv_bn(hidden, hidden, 5, stride, groups=hidden, act=nn.Hardswish)
        self.se = SqueezeExcitation(hidden, 3, hard=True)
        self.project = conv_bn(hidden, outputs, 1, act=nn.Identity)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.se(self.depthwise(self.expand(x))))
        return out + x if self.skip else out


class MobileNetV3(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 4, 3, 2, act=nn.Hardswish)
        self.blocks = nn.Sequential(MobileNetV3Block(4, 6, 4, 1), MobileNetV3Block(4, 8, 6, 2))
        self.head = nn.Sequential(nn.Linear(6, 8), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class EfficientBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = 2 * inputs
        self.expand = conv_bn(inputs, hidden, 1, act=nn.SiLU)
        self.depthwise = conv_bn(hidden, hidden, kernel, stride, groups=hidden, act=nn.SiLU)
        self.se = SqueezeExcitation(hidden, 2, hard=False)
        self.conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn(self.conv(self.se(self.depthwise(self.expand(x)))))
        return x + out if self.skip else out


class EfficientNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 4, 3, 2, act=nn.SiLU)
        self.blocks = nn.ModuleList([EfficientBlock(4, 4, 3, 1), EfficientBlock(4, 6, 5, 2)])
        self.top = conv_bn(6, 8, 1, act=nn.SiLU)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.fc(self.top(x).mean((2, 3)))


class Fire(nn.Module):
    def __init__(self, inputs: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(4, 2, 3),
            Fire(6, 3, 3),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(6, 5, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        x = self.classifier(self.features(x))
        return torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    batch, channels, height, width = x.shape
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).contiguous().view(batch, channels, height, width)


class ShuffleBlock(nn.Module):
    """Grouped convolutions with a shuffle between."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.conv1 = conv_bn(channels, channels, 1, groups=groups)
        self.conv2 = conv_bn(channels, channels, 3, groups=channels, act=nn.Identity)
        self.conv3 = conv_bn(channels, channels, 1, groups=groups, act=nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        out = channel_shuffle(self.conv1(x), self.groups)
        return F.relu(x + self.conv3(self.conv2(out)))


class ShuffleNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 6, 3, 2)
        self.block1 = ShuffleBlock(6, 2)
        self.block2 = ShuffleBlock(6, 3)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.stem(x)))
        return self.fc(x.mean(dim=(2, 3)))


class SplitBlock(nn.Module):
    """One half of the channels passes, the other is convolved, then both are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            conv_bn(half, half, 1),
            conv_bn(half, half, 3, groups=half, act=nn.Identity),
            conv_bn(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, dim=1)
        return channel_shuffle(torch.cat((kept, self.branch(changed)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 6, 3, 2)
        self.stage = nn.Sequential(SplitBlock(6), SplitBlock(6))
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.stage(self.stem(x)).mean([2, 3]))


class RegNetBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, group_width: int, stride: int) -> None:
        super().__init__()
        self.a = conv_bn(inputs, outputs, 1)
        self.b = conv_bn(outputs, outputs, 3, stride, groups=outputs // group_width)
        self.se = SqueezeExcitation(outputs, 2, hard=False)
        self.c = conv_bn(outputs, outputs, 1, act=nn.Identity)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = conv_bn(inputs, outputs, 1, stride, act=nn.Identity)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.skip(x) + self.c(self.se(self.b(self.a(x)))))


class RegNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 4, 3, 2)
        self.trunk = nn.Sequential(RegNetBlock(4, 6, 3, 2), RegNetBlock(6, 6, 2, 1))
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.adaptive_avg_pool2d(self.trunk(self.stem(x)), 1).flatten(start_dim=1))


def _small(name: str, family: str, kind: type[nn.Module]) -> Entry:
    return Entry(name, family, seeded(kind), normals((2, 3, 12, 12), (1, 3, 16, 16)))


ENTRIES = (
    _small("mobilenet_v1", "mobilenet v1", MobileNetV1),
    _small("mobilenet_v2", "mobilenet v2", MobileNetV2),
    _small("mobilenet_v3", "mobilenet v3", MobileNetV3),
    _small("efficientnet", "efficientnet", EfficientNet),
    _small("squeezenet", "squeezenet", SqueezeNet),
    _small("shufflenet", "shufflenet", ShuffleNet),
    _small("shufflenet_v2", "shufflenet v2", ShuffleNetV2),
    _small("regnet", "regnet", RegNet),
)
