"""INR editing: change what a sine network draws by changing its weights.

The model writes an update for every parameter, ``theta + s * update(theta)``, and the loss is the mean
squared error between what the changed network draws and the edited image (Zhou et al. 2023, section 4.3;
Kalogeropoulos et al. 2024, section 6.3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from scalegmn.configuration import Configuration, Limits
from scalegmn.editing._drawing import check_siren, draw
from scalegmn.editing._image_error import ImageTargets, squared_errors
from scalegmn.editing._report import PICTURES, SHEET, editing_report
from scalegmn.editing._true_images import find_images, stated_size
from scalegmn.editing.edits import ImageEdit, edit_called
from scalegmn.errors import ConfigurationError, PopulationError
from scalegmn.graph import NetworkBatch
from scalegmn.images import IMAGE_SOURCES, ImageSet, load_images
from scalegmn.models import Metanetwork
from scalegmn.populations import ARCHITECTURE_COLUMN, Population
from scalegmn.reports import contact_sheet
from scalegmn.training import EditingTask, Report, ReportPicture, TaskContext
from scalegmn.zoo.inrs import ORDERS, Order

if TYPE_CHECKING:
    # For annotations alone: they take seconds to import, and edits need neither.
    from lightning.pytorch.callbacks import Callback
    from torchmetrics import MetricCollection

# Networks that are drawn at a time where targets are made.
_PORTION: Final = 512
# Networks by which the order of coordinates is checked, and by how much the right one must draw better.
_CHECKED: Final = 32
_CLEARLY: Final = 0.5


_Pixels = Annotated[int, Limits(low=2, high=2**14)]


class Target(Enum):
    """What is edited to get the target: the image that a network was fitted to, or what it draws itself."""

    image = "image"
    drawing = "drawing"


@dataclass(frozen=True, kw_only=True)
class EditingConfig(Configuration):
    """Which edit to learn, and from what.

    Attributes:
        edit: one of :func:`scalegmn.editing.edits.edit_names`, or a registered one.
        parameters: numbers of the edit by name; its defaults where left out.
        target: edit the true images, or what the networks draw.
        image_source: the images that the networks were fitted to
            (:func:`scalegmn.images.load_images`); by default the one that the maker of the
            population stated.
        image_folder: where images are; by default the environment variable SCALEGMN_DATA says it.
        image_size: rows and columns to draw; by default those of the images.
        order: of the coordinates with which the networks were fitted: xy for MNIST- and FashionMNIST-INRs,
            ij for the published CIFAR10-INRs.
    """

    edit: str = "dilation"
    parameters: dict[str, int | float] = field(default_factory=dict)
    target: Target = Target.image
    image_source: str | None = None
    image_folder: Path | None = None
    image_size: tuple[_Pixels, _Pixels] | None = None
    order: Order = "xy"


@final
class InrEditing(EditingTask[Tensor, ImageTargets]):
    """Mean squared error of drawings; the best model is that of the lowest on validation networks.

    Outputs are drawings, ``(n, H, W[, C])``, and targets the edited image beside what the network draws
    before it is changed (:class:`~scalegmn.editing.ImageTargets`).

    Args:
        config: with a size, and with a source of images if the target is the image; :meth:`from_population`
            finds both.

    Raises:
        ConfigurationError: they are missing.
    """

    name = "inr_editing"
    sections = MappingProxyType({"editing": EditingConfig})
    same_for_all = ("editing.",)
    pictures = MappingProxyType({SHEET: ReportPicture(PICTURES, contact_sheet)})
    averages = True
    monitor = "mse"
    larger_is_better = False
    headline = ("mse_x100", "psnr")
    untrained = ("no_edit",)

    def __init__(self, *, config: EditingConfig) -> None:
        if config.image_size is None:
            raise ConfigurationError(
                "editing.image_size is missing; give rows and columns of the drawings, such as [28, 28], or "
                "the source of the images"
            )
        if config.target is Target.image and config.image_source is None:
            raise ConfigurationError(
                "editing.image_source is missing; name the images that the networks were fitted to, or "
                "choose the target drawing"
            )
        self.config, self.size = config, config.image_size
        self._images: ImageSet | None = None

    @classmethod
    def build(cls, context: TaskContext) -> InrEditing:
        return cls.from_population(context.population, config=context.options.of(EditingConfig))

    @classmethod
    def from_population(cls, population: Population, *, config: EditingConfig) -> InrEditing:
        """The task with the source and size of images that the population was made from.

        Raises:
            ConfigurationError: they are not known, or the edit is not.
            ImageSourceError: the images cannot be read.
        """
        edit_called(config.edit, config.parameters)
        source, size, images = config.image_source, config.image_size, None
        stated = population.provenance.get("images")
        if source is None and isinstance(stated, str) and stated in IMAGE_SOURCES:
            source = stated
        if source is not None and (size is None or config.target is Target.image):
            images = load_images(source, folder=config.image_folder)
            size = size or images.size
        task = cls(config=dataclasses.replace(config, image_source=source, image_size=size))
        task._images = images
        return task

    @property
    def edit(self) -> ImageEdit:
        """The edit.

        Raises:
            ConfigurationError: no edit of this name is registered.
        """
        return edit_called(self.config.edit, self.config.parameters)

    def draw(self, batch: NetworkBatch) -> Tensor:
        """What the networks of a batch draw, ``(B, H, W[, C])``."""
        # In half precision the angles of sines, which the frequency multiplies, would be off by whole turns.
        with torch.autocast(batch.device.type, enabled=False):
            drawn = [
                draw(architecture, theta, size=self.size, order=self.config.order)
                for architecture, theta in batch.parts
            ]
        return drawn[0] if len(drawn) == 1 else torch.cat(drawn)

    def targets(self, population: Population, rows: np.ndarray) -> ImageTargets:
        """Edited images, and drawings before the change.

        Raises:
            PopulationError: the images of the networks are not known, or have another size or number of
                channels than the drawings.
            ArchitectureError: there are networks that are no sine networks of two coordinates.
            ConfigurationError: the edit is not registered, does not give images, or the order of coordinates
                is not that of the networks.
        """
        before = self._drawings(population, rows)
        if self.config.target is Target.drawing:
            wanted = self.edit(before.numpy().clip(0, 1))
        else:
            wanted = self._edited_images(population, rows, before)
        return ImageTargets(torch.from_numpy(wanted), before)

    def check_size(self, population: Population) -> None:
        """Refuse networks that were fitted to images of another size, where that is known and matters.

        Raises:
            PopulationError: they were; networks that are edited by what they draw may be drawn in any size.
        """
        stated = stated_size(population)
        if stated is not None and stated != self.size and self.config.target is Target.image:
            raise PopulationError(
                f"{population.folder}: its networks were fitted to images of {stated[0]} x {stated[1]} "
                f"pixels, but the edit is learned for {self.size[0]} x {self.size[1]}; train another editor"
            )

    def predict(self, model: Metanetwork, batch: NetworkBatch) -> Tensor:
        """What the changed networks draw, ``(B, H, W[, C])``."""
        each = self.edited_each(model, batch)
        drawn = self.draw(each[0])
        for one in each[1:]:
            drawn = drawn + self.draw(one)
        return drawn / len(each)

    def loss(self, outputs: Tensor, targets: ImageTargets) -> Tensor:
        return mse_loss(outputs, targets.edited)

    def metrics(self) -> MetricCollection:
        from torchmetrics import MetricCollection

        from scalegmn.editing._mean_image_error import MeanImageError

        return MetricCollection({"mse": MeanImageError(psnr=False), "psnr": MeanImageError(psnr=True)})

    def measure(self, metrics: MetricCollection, outputs: Tensor, targets: ImageTargets) -> None:
        metrics.update(outputs, targets.edited)

    def report(self, outputs: Tensor, targets: ImageTargets, *, groups: np.ndarray | None = None) -> Report:
        """Report errors before and after the edit; see :func:`~scalegmn.editing._report.editing_report`."""
        return editing_report(outputs, targets, groups=groups)

    def describe(self, outputs: Tensor) -> list[dict[str, Any]]:
        """Mean, smallest and largest value of every drawing."""
        flat = outputs.float().flatten(1)
        return [
            {"mean": float(row.mean()), "smallest": float(row.min()), "largest": float(row.max())}
            for row in flat
        ]

    def callbacks(self) -> list[Callback]:
        from scalegmn.editing._contact_sheets import ContactSheets

        return [ContactSheets()]

    def arguments(self) -> Mapping[str, Any]:
        return {"config": dataclasses.replace(self.config, image_size=self.size)}

    def to_config(self) -> dict[str, Any]:
        """The entries of the configuration, without a section of their own."""
        entries: dict[str, Any] = super().to_config()["config"]
        return entries

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> InrEditing:
        return super().from_config({"config": data})

    def _drawings(self, population: Population, rows: np.ndarray) -> Tensor:
        """What networks draw, ``(n, H, W[, C])`` float32."""
        numbers = np.unique(population.column(ARCHITECTURE_COLUMN)[rows]).tolist()
        architectures = [population.architectures[number] for number in numbers]
        for architecture in architectures:
            check_siren(architecture, origin=str(population.folder))
        channels = sorted({architecture.num_outputs for architecture in architectures})
        if len(channels) > 1:
            raise PopulationError(
                f"{population.folder}: networks with {' and '.join(map(str, channels))} outputs, which draw "
                "images of different channels; choose those of one number with data.where"
            )
        color = [] if channels in ([], [1]) else channels
        drawn = torch.empty(len(rows), *self.size, *color)
        for start in range(0, len(rows), _PORTION):
            for architecture, chosen, theta in population.groups(rows[start : start + _PORTION]):
                drawn[start + chosen] = self.draw(NetworkBatch.from_parameters(architecture, theta))
        return drawn

    def _edited_images(self, population: Population, rows: np.ndarray, before: Tensor) -> np.ndarray:
        """The edited true image of every network."""
        images = self._source()
        if images.size != self.size or (images.channels > 1) != (before.ndim == 4):
            raise PopulationError(
                f"{images.name}: images of {images.size[0]} x {images.size[1]} pixels and {images.channels} "
                f"channels, but the networks of {population.folder} are to draw {self.size[0]} x "
                f"{self.size[1]} pixels of {before.shape[3] if before.ndim == 4 else 1}; correct "
                "editing.image_size or editing.image_source"
            )
        self.check_size(population)
        # Several networks of one image share its edit.
        places, members = np.unique(find_images(images, population, rows), return_inverse=True)
        pixels = images.images[places].astype(np.float32) / 255
        self._check_order(population, rows, torch.from_numpy(pixels[members[:_CHECKED]]), before)
        return self.edit(pixels)[members]

    def _check_order(self, population: Population, rows: np.ndarray, true: Tensor, before: Tensor) -> None:
        """Refuse an order of coordinates in which networks draw their images worse than in the other one."""
        (other,) = (order for order in ORDERS if order != self.config.order)
        size = before.shape[1:]
        turned = torch.empty(len(true), *size)
        for architecture, chosen, theta in population.groups(rows[: len(true)]):
            turned[chosen] = draw(architecture, theta, size=self.size, order=other)
        own, others = (squared_errors(drawn, true).median() for drawn in (before[: len(true)], turned))
        if len(true) and others < _CLEARLY * own:
            raise ConfigurationError(
                f"editing.order is {self.config.order!r}, but the networks of {population.folder} draw their "
                f"images with {other!r}: mean squared error {float(others):.2g}, not {float(own):.2g}"
            )

    def _source(self) -> ImageSet:
        """The images, read once."""
        if self._images is None:
            assert self.config.image_source is not None, "checked when the task was made"
            self._images = load_images(self.config.image_source, folder=self.config.image_folder)
        return self._images
