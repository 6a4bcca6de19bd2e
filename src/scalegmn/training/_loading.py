"""Loaders of a training, as Lightning asks for them."""

from __future__ import annotations

from typing import Any, final

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from scalegmn.graph import NetworkBatch
from scalegmn.training._data import BatchOrder, Datasets, NetworkDataset


@final
class PopulationData(pl.LightningDataModule):
    """Loaders over training and validation networks."""

    def __init__(
        self, *, data: Datasets, batch_size: int, evaluation_batch_size: int, workers: int, seed: int
    ) -> None:
        super().__init__()
        self.data, self.batch_size, self.evaluation_batch_size = data, batch_size, evaluation_batch_size
        self.workers, self.seed = workers, seed

    def train_dataloader(self) -> DataLoader[NetworkBatch]:
        order = BatchOrder(length=len(self.data.train), batch_size=self.batch_size, seed=self.seed)
        return self._loader(self.data.train, order)

    def val_dataloader(self) -> DataLoader[NetworkBatch]:
        order = BatchOrder(length=len(self.data.val), batch_size=self.evaluation_batch_size, seed=None)
        return self._loader(self.data.val, order)

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
