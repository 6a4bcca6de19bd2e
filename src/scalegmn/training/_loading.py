"""Loaders of a training, as Lightning asks for them."""

from __future__ import annotations

from typing import Any, final

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from scalegmn.graph import NetworkBatch
from scalegmn.training._data import BatchOrder, Datasets, NetworkDataset
from scalegmn.training._processes import world


@final
class PopulationData(pl.LightningDataModule):
    """Loaders over training and validation networks."""

    def __init__(
        self,
        *,
        data: Datasets,
        batch_size: int,
        evaluation_batch_size: int,
        workers: int,
        seed: int,
        accumulate: int = 1,
    ) -> None:
        super().__init__()
        self.data, self.evaluation_batch_size, self.workers = data, evaluation_batch_size, workers
        self.order = BatchOrder(
            length=len(data.train), batch_size=batch_size, seed=seed, accumulate=accumulate
        )

    def train_dataloader(self) -> DataLoader[NetworkBatch]:
        return self._loader(self.data.train, self.order)

    def val_dataloader(self) -> DataLoader[NetworkBatch]:
        processes, _ = world()
        size = self.evaluation_batch_size * processes
        return self._loader(self.data.val, BatchOrder(length=len(self.data.val), batch_size=size, seed=None))

    def on_before_batch_transfer(self, batch: NetworkBatch, dataloader_idx: int) -> NetworkBatch:
        """Called by Lightning in this process, whichever process has made the batch."""
        validating = self.trainer is not None and self.trainer.validating
        return (self.data.val if validating else self.data.train).with_targets(batch)

    def _loader(self, networks: NetworkDataset, order: BatchOrder) -> DataLoader[NetworkBatch]:
        # With batch_size=None an item of the sampler, a whole batch of positions, goes to the data set.
        return DataLoader(
            networks,
            sampler=order,
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            generator=torch.Generator().manual_seed(0),
            collate_fn=_as_is,
        )


def _as_is(batch: Any) -> Any:
    return batch
