"""Convolutional networks that do not classify pictures: encoders with decoders, sound, volumes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded


class DoubleConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class UNet(nn.Module):
    """Down by pooling, up by transposed convolution, joined by concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = DoubleConv(1, 3)
        self.down = DoubleConv(3, 4)
        self.bottom = DoubleConv(4, 6)
        self.up1 = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.conv1 = DoubleConv(8, 4)
        self.up2 = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.conv2 = DoubleConv(6, 3)
        self.out = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.inc(x)
        x2 = self.down(F.max_pool2d(x1, 2))
        x3 = self.bottom(F.max_pool2d(x2, 2))
        y = self.conv1(torch.cat([x2, self.up1(x3)], dim=1))
        y = self.conv2(torch.cat([x1, self.up2(y)], dim=1))
        return self.out(y)


class UNetInterpolated(nn.Module):
    """Up by interpolation; group norm and SiLU, as in diffusion models, with an embedded time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(4, 6), nn.SiLU(), nn.Linear(6, 4))
        self.inc = nn.Conv2d(2, 4, 3, padding=1)
        self.norm1 = nn.GroupNorm(2, 4)
        self.down = nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.norm2 = nn.GroupNorm(2, 4)
        self.up = nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        angles = t[:, None] * torch.tensor([1.0, 0.1], dtype=t.dtype, device=t.device)
        embedded = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        h = self.inc(x)
        d = self.down(F.silu(self.norm1(h))) + embedded[:, :, None, None]
        d = F.interpolate(F.silu(self.norm2(d)), scale_factor=2, mode="nearest")
        return self.out(F.silu(self.up(torch.cat([d, h], dim=1))))


class ConvAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 5, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(5, 4, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class Generator(nn.Module):
    """A latent vector becomes a picture, by transposed convolutions with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(3, 6 * 2 * 2)
        self.main = nn.Sequential(
            nn.BatchNorm2d(6),
            nn.ReLU(True),
            nn.ConvTranspose2d(6, 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(True),
            nn.ConvTranspose2d(4, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.main(self.project(z).view(-1, 6, 2, 2))


class GatedBlock(nn.Module):
    """A causal, dilated convolution with a gate, and two ways out."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(channels, 2 * channels, 2, dilation=dilation)
        self.residual = nn.Conv1d(channels, channels, 1)
        self.skip = nn.Conv1d(channels, 3, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        filtered, gate = self.conv(F.pad(x, (self.dilation, 0))).chunk(2, dim=1)
        z = torch.tanh(filtered) * torch.sigmoid(gate)
        return x + self.residual(z), self.skip(z)


class WaveNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv1d(1, 4, 1)
        self.blocks = nn.ModuleList([GatedBlock(4, 1), GatedBlock(4, 2)])
        self.end = nn.Conv1d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.start(x)
        total: Tensor | int = 0
        for block in self.blocks:
            x, skip = block(x)
            total = total + skip
        assert isinstance(total, Tensor)
        return self.end(F.relu(total))


class Conv1dNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(2, 4, 5, stride=2, padding=2)
        self.bn1 = nn.BatchNorm1d(4)
        self.conv2 = nn.Conv1d(4, 6, 3, padding=1)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool1d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.conv2(x))
        return self.fc(F.adaptive_avg_pool1d(x, 1).squeeze(-1))


class Conv3dNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, 3, 3, padding=1)
        self.bn1 = nn.BatchNorm3d(3)
        self.conv2 = nn.Conv3d(3, 4, (1, 3, 3), stride=(1, 2, 2))
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.leaky_relu(self.conv2(x), 0.1)
        return self.fc(x.mean(dim=(2, 3, 4)))


class SuperResolution(nn.Module):
    """Pixels are shuffled into place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5, padding=2)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.conv1(x))
        x = torch.tanh(self.conv2(x))
        return self.shuffle(self.conv3(x))


class StyleTransfer(nn.Module):
    """Instance norms, and residual blocks between."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.in1 = nn.InstanceNorm2d(4, affine=True)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.in2 = nn.InstanceNorm2d(4)
        self.out = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.in1(self.conv1(x)))
        h = h + self.in2(self.conv2(h))
        h = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.tanh(self.out(h))


ENTRIES = (
    Entry("unet", "u-net", seeded(UNet), normals((2, 1, 8, 8), (1, 1, 12, 12))),
    Entry(
        "unet_diffusion",
        "u-net",
        seeded(UNetInterpolated),
        normals(((2, 2, 4, 4), (2,)), ((1, 2, 6, 6), (1,))),
    ),
    Entry(
        "conv_autoencoder",
        "autoencoder with transposed convolutions",
        seeded(ConvAutoencoder),
        normals((2, 1, 8, 8), (1, 1, 12, 12)),
    ),
    Entry("generator", "gan generator", seeded(Generator), normals((2, 3), (3, 3))),
    Entry("wavenet", "wavenet", seeded(WaveNet), normals((2, 1, 8), (1, 1, 12))),
    Entry("conv1d", "1-d convolutions", seeded(Conv1dNet), normals((2, 2, 12), (1, 2, 20))),
    Entry("conv3d", "3-d convolutions", seeded(Conv3dNet), normals((2, 1, 4, 8, 8), (1, 1, 6, 10, 10))),
    Entry(
        "super_resolution", "super-resolution", seeded(SuperResolution), normals((2, 1, 5, 5), (1, 1, 7, 7))
    ),
    Entry("style_transfer", "style transfer", seeded(StyleTransfer), normals((2, 3, 5, 5), (1, 3, 7, 7))),
)
