"""The plain sections of a config: which keys there are, their types, defaults and meaning.

Sections with an `@kind` line are described by the signature of the factory they name; these are the others.
Comments behind a field are its help text in `olmoearth config show`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.callback import Callback
from olmoearth_core.interfaces.model import ModelRecipe
from olmoearth_core.interfaces.settings import Remark, checked_by
from olmoearth_core.interfaces.train_module import TrainModule
from olmoearth_core.interfaces.transform import Transform

if TYPE_CHECKING:
    from olmoearth_core.interfaces.dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """[run].

    name: folder of the run below root; a finished or different run under that name is never overwritten.
    root: folder (or URL) that holds all runs.
    seed: seeds weights, drop path and band dropout; the data have a seed of their own.
    """

    name: str = "run"
    root: str = "runs"
    seed: int = 12536


def _at_least(least: int, settings: Mapping[str, Any], *keys: str) -> Iterator[Remark]:
    for key in keys:
        if settings[key] is not None and settings[key] < least:
            yield Remark(key, f"must be at least {least}, got {settings[key]}")


def _judge_loader(settings: Mapping[str, Any]) -> Iterator[Remark]:
    whole = ("global_batch_size", "min_patch_size", "token_budget", "prefetch_factor", "num_dataset_repeats_per_epoch")
    yield from _at_least(1, settings, *whole)
    yield from _at_least(0, settings, "num_workers", "max_bad_samples")
    if settings["max_patch_size"] < settings["min_patch_size"]:
        yield Remark("max_patch_size", f"is smaller than min_patch_size = {settings['min_patch_size']}")
    if not settings["sampled_hw_p_list"] or min(settings["sampled_hw_p_list"]) < 1:
        yield Remark("sampled_hw_p_list", f"must hold numbers of at least 1, got {settings['sampled_hw_p_list']}")
    if settings["crop"] == "scattered" and settings["token_budget"] is None:
        yield Remark("crop", "scattered patches need a token_budget: without one whole tiles are used")


def _judge_trainer(settings: Mapping[str, Any]) -> Iterator[Remark]:
    counts = ("save_interval", "keep_checkpoints", "metrics_collect_interval", "max_nonfinite_steps", "threads")
    yield from _at_least(1, settings, *counts, "ephemeral_save_interval")


def _judge_duration(settings: Mapping[str, Any]) -> Iterator[Remark]:
    given = [key for key in settings if settings[key] is not None]
    if not given:
        yield Remark("steps", f"set exactly one of {', '.join(settings)}")
    for key in given:
        if settings[key] <= 0:
            yield Remark(key, f"must be more than 0, got {settings[key]}")


@checked_by(_judge_loader)
@dataclass(frozen=True, kw_only=True)
class DataLoaderSettings:
    """[data_loader].

    global_batch_size: samples per optimizer step, over all ranks.
    min_patch_size, max_patch_size: pixels of the 10 m grid, both included; one is drawn per global batch.
    sampled_hw_p_list: patches per side to draw from, capped by the tile.
    token_budget: tokens per sample; decides how many time steps fit. null = whole tiles, no crop.
    budget_band_sets: what the budget counts: "model" = the model's band groups, the tokens there really are;
    "declared" = the band sets that modalities declare, whatever [model.tokenization] says.
    num_workers: loader processes per rank; 0 = in the training process. prefetch_factor: batches ahead per worker.
    seed: seeds order, crops, transforms and masks.
    band_gap: "zero_band" = a token is there if any of its bands is; "drop_token" = only if all are (the reference).
    draws: "counter" = keyed by sample; "reference" = the reference's generators, for seeded comparison only.
    crop: "contiguous" = a square of neighbouring patches; "scattered" = rows and columns of patches by lot, joined
    in that order (the reference's CutMix; slower, because the pixels between them are read too).
    max_bad_samples: unreadable samples to skip and list before the run stops; a share of the set if below 1.
    transform: changes pixels before masking (docs/transforms.md); null = none, as in the official runs.
    """

    global_batch_size: int = 512
    min_patch_size: int = 1
    max_patch_size: int = 8
    sampled_hw_p_list: Sequence[int] = tuple(range(1, 13))
    token_budget: int | None = 2250
    budget_band_sets: Literal["model", "declared"] = "model"
    num_workers: int = 0
    prefetch_factor: int = 2
    persistent_workers: bool = True
    multiprocessing_context: Literal["spawn", "forkserver"] = "forkserver"
    seed: int = 3622
    shuffle: bool = True
    num_dataset_repeats_per_epoch: int = 1
    band_gap: Literal["zero_band", "drop_token"] = "zero_band"
    draws: Literal["counter", "reference"] = "counter"
    crop: Literal["contiguous", "scattered"] = "contiguous"
    max_bad_samples: float = 0.01
    transform: Transform | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a component of the kind `transforms` that computes a modality instead."""
        if self.transform is not None and not isinstance(self.transform, Transform):
            raise ConfigError(
                "data_loader.transform names a component that derives a modality, it does not change batches. Name "
                "one of docs/transforms.md, e.g. olmoearth.flip_and_rotate.v1."
            )


@checked_by(_judge_duration)
@dataclass(frozen=True, kw_only=True)
class Duration:
    """[trainer.max_duration]: exactly one of these, or {unit, value}.

    tokens: tokens encoded plus decoded, over all ranks. hours: wall-clock time of training, kept over resumes.
    """

    steps: int | None = None
    epochs: int | None = None
    tokens: int | None = None
    samples: int | None = None
    hours: float | None = None


@checked_by(_judge_trainer)
@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """[trainer].

    max_duration: when to stop. save_interval: steps between checkpoints; the last step is always saved.
    keep_checkpoints: how many to keep, the newest; null = all.
    ephemeral_save_interval: steps between checkpoints of which only the newest is kept, and only until a later one of
    either sort is there; null, or no less than save_interval = none.
    metrics_collect_interval: steps between metric flushes (console, JSONL, W&B).
    load_path: run folder or checkpoint to start from (weights, optimizer, step), or anything else that load_model
    opens, such as a released model (weights only, from step 0). load_strategy: what to do if the run's own folder
    holds a checkpoint: "if_available" resumes, "never" refuses, "always" demands one.
    device: "cpu", "cuda", or null = the best there is. parallel: "ddp" (FSDP comes later).
    on_nonfinite: "skip" = leave weights alone and count, "stop" = end the run.
    max_nonfinite_steps: so many in a row end it anyway.
    deterministic: demand deterministic kernels. threads: CPU threads per process; null = torch's choice.
    """

    max_duration: Duration = field(default_factory=lambda: Duration(epochs=300))
    save_interval: int = 5000
    keep_checkpoints: int | None = 3
    ephemeral_save_interval: int | None = None
    metrics_collect_interval: int = 10
    load_path: str | None = None
    load_strategy: Literal["if_available", "never", "always"] = "if_available"
    device: str | None = None
    parallel: Literal["ddp"] = "ddp"
    on_nonfinite: Literal["skip", "stop"] = "skip"
    max_nonfinite_steps: int = 10
    deterministic: bool = False
    threads: int | None = None
    callbacks: Mapping[str, Callback] = field(default_factory=dict)

    @property
    def passing_interval(self) -> int | None:
        """Steps between checkpoints that do not stay; None if there are none."""
        interval = self.ephemeral_save_interval
        return interval if interval is not None and interval < self.save_interval else None


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A config turned into objects: nothing allocated, nothing opened. `assemble` joins them to a run."""

    run: RunSettings
    dataset: Dataset
    data_loader: DataLoaderSettings
    model: ModelRecipe
    train_module: TrainModule
    trainer: TrainerSettings
