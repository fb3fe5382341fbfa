"""The batches of one rank, in order, made here or in worker processes.

Order, shapes, crops and masks depend on (seed, epoch, place) alone, so any number of ranks and workers and any
point of resumption gives the same batches.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from torch.utils.data import DataLoader

from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.make import BatchMaker, Made, Request
from olmoearth_core.data.order import batches_per_epoch, global_order, rank_rows
from olmoearth_core.data.quarantine import Quarantine
from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.data.sampler import Shape, Shapes
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.dataset import Dataset, OpenDataset
from olmoearth_core.interfaces.masking import Masking

log = logging.getLogger(__name__)
_PRELOAD = ["torch", "olmoearth_core.data.make"]


class Loader:
    """Yields the batches of one rank.

    quarantine: samples that this rank could not read.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: DataLoaderSettings,
        *,
        tokenization: Tokenization | None = None,
        masking: Masking | None = None,
        masking_b: Masking | None = None,
        num_views: int = 1,
        rank: int = 0,
        world_size: int = 1,
        pin_memory: bool = False,
    ) -> None:
        """Prepare the data set and find out which crops fit.

        tokenization: band groups, which decide how far the token budget goes. masking: of the first view; masking_b:
        of the second, the first one again if None. pin_memory: for transfers to a GPU; needs workers.

        Raises:
            ConfigError: the batch cannot be dealt to the ranks, or no crop fits tile and budget.
            DataError: the data set cannot be opened.
        """
        if num_views not in (1, 2):
            raise ConfigError(f"num_views = {num_views}: a batch has one or two masked views.")
        dataset.prepare()
        self.dataset = cast(OpenDataset, dataset)
        self.settings, self.rank = settings, rank
        self._tokenization = tokenization or Tokenization()
        self._maskings = (masking, masking_b or masking)[:num_views]
        self._rows = rank_rows(settings.global_batch_size, rank, world_size)
        self._pin = pin_memory
        self.quarantine = Quarantine(settings.max_bad_samples, len(dataset))
        self._requests = _Requests()
        self._workers: DataLoader[Made] | None = None
        self._configure(settings)

    @property
    def batches_per_epoch(self) -> int:
        """Whole global batches per epoch; 0 if the data set is smaller than one batch."""
        settings = self.settings
        return batches_per_epoch(len(self.dataset), settings.global_batch_size, settings.num_dataset_repeats_per_epoch)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides which samples come when."""
        settings = self.settings
        parts = {
            "dataset": self.dataset.identity,
            "seed": settings.seed,
            "shuffle": settings.shuffle,
            "repeats": settings.num_dataset_repeats_per_epoch,
            "global_batch_size": settings.global_batch_size,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def shape(self, epoch: int, batch: int) -> Shape:
        """Return the crop of one global batch (with draws = "reference": of this rank's part of it)."""
        if self.settings.draws == "reference":
            return self._shapes.reference(epoch, batch, rank=self.rank)
        return self._shapes.of(epoch, batch)

    def epoch(self, epoch: int, start_batch: int = 0) -> Iterator[TrainBatch]:
        """Yield this rank's batches of an epoch (counted from 1), leaving out the first `start_batch`.

        Raises:
            DataError: the data set does not fill one batch, or no sample of a batch can be read.
            TrainingError: more bad samples than allowed.
        """
        if self.batches_per_epoch == 0:
            raise DataError(
                f"{self.dataset.h5py_dir}: {len(self.dataset)} samples do not fill one batch of "
                f"{self.settings.global_batch_size}. Lower data_loader.global_batch_size or add data."
            )
        for made in self._made(self._plan(epoch, start_batch)):
            yield self._accepted(made)

    def one(self, epoch: int, batch: int) -> TrainBatch:
        """Make one batch of an epoch in this process, without workers: to look at it. Raises as `epoch` does."""
        return self._accepted(self._maker[next(self._plan(epoch, batch))])

    def state(self, epoch: int, batches_done: int) -> dict[str, Any]:
        """Return what a checkpoint must keep to go on after `batches_done` batches of an epoch."""
        return {
            "fingerprint": self.fingerprint,
            "seed": self.settings.seed,
            "epoch": epoch,
            "batches_done": batches_done,
        }

    def resume(self, state: Mapping[str, Any]) -> tuple[int, int]:
        """Take up a state: adopt its seed and return (epoch, batches done). Other data are warned about."""
        seed = int(state["seed"])
        if seed != self.settings.seed:
            log.warning(
                "data_loader.seed = %d, but the run began with %d: going on with that", self.settings.seed, seed
            )
            self._configure(replace(self.settings, seed=seed))
        if state["fingerprint"] != self.fingerprint:
            log.warning("the data set or the global batch size is not the one that the run began with")
        return int(state["epoch"]), int(state["batches_done"])

    def close(self) -> None:
        """Stop the worker processes."""
        self._workers = None

    def _configure(self, settings: DataLoaderSettings) -> None:
        dataset = self.dataset
        self.close()
        self.settings = settings
        self._shapes = Shapes(
            dataset.specs, self._tokenization, settings, tile=dataset.tile_size, longest=dataset.max_sequence_length
        )
        self._maker = BatchMaker(
            dataset=dataset,
            rows=self._rows,
            tokenization=self._tokenization,
            maskings=self._maskings,
            transform=settings.transform,
            band_gap=settings.band_gap,
            seed=settings.seed,
            legacy=settings.draws == "reference",
            scattered=settings.crop == "scattered",
        )

    def _plan(self, epoch: int, start_batch: int) -> Iterator[Request]:
        settings, size = self.settings, self.settings.global_batch_size
        order = global_order(
            len(self.dataset),
            size,
            seed=settings.seed,
            epoch=epoch,
            repeats=settings.num_dataset_repeats_per_epoch,
            shuffle=settings.shuffle,
        )
        for batch in range(start_batch, len(order)):
            files = self.dataset.indices[order[batch]]
            step = (epoch - 1) * len(order) + batch + 1
            yield Request(epoch, self.shape(epoch, batch), files, batch * size, step)

    def _accepted(self, made: Made) -> TrainBatch:
        for bad in made.bad:
            self.quarantine.add(bad)
        if made.error is not None:
            raise made.error
        assert made.batch is not None
        return made.batch

    def _made(self, plan: Iterator[Request]) -> Iterator[Made]:
        if self.settings.num_workers == 0:
            yield from (self._maker[request] for request in plan)
            return
        self._requests.plan = plan
        if self._workers is None:
            self._workers = self._start()
        yield from self._workers

    def _start(self) -> DataLoader[Made]:
        settings = self.settings
        context = multiprocessing.get_context(settings.multiprocessing_context)
        if settings.multiprocessing_context == "forkserver":
            context.set_forkserver_preload(_PRELOAD)
        return DataLoader(
            self._maker,  # type: ignore[arg-type]  # anything with __getitem__ is a map-style data set
            sampler=self._requests,
            batch_size=None,
            collate_fn=_unchanged,
            num_workers=settings.num_workers,
            prefetch_factor=settings.prefetch_factor,
            persistent_workers=settings.persistent_workers,
            multiprocessing_context=context,
            pin_memory=self._pin,
            in_order=True,
        )


class _Requests:
    """The plan of the current epoch, handed to torch's loader anew at each epoch."""

    def __init__(self) -> None:
        self.plan: Iterator[Request] = iter(())

    def __iter__(self) -> Iterator[Request]:
        return self.plan


def _unchanged(made: Any) -> Any:
    return made
