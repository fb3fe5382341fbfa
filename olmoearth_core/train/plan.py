"""What a run would be: sizes and counts, without memory for weights and without training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from olmoearth_core.errors import OlmoEarthError
from olmoearth_core.train.distributed import World
from olmoearth_core.train.state import Progress

if TYPE_CHECKING:
    from olmoearth_core.train.assemble import Run


def lines(run: Run) -> Iterator[str]:
    """Yield one fact per line; the data set is opened, and its absence is one of the facts."""
    parts, objective = run.parts, run.parts.train_module
    trained, frozen = parameters(run)
    whole, micro = parts.data_loader.global_batch_size, objective.rank_microbatch_size
    processes = int(run.environment.get("WORLD_SIZE", "1"))
    yield f"run          {run.run_dir}"
    yield f"modalities   {', '.join(spec.name for spec in run.specs)}"
    yield f"parameters   {trained:,} trained, {frozen:,} frozen"
    steps = whole // (micro * processes)
    yield f"batch        {whole} samples = {processes} processes x {steps} x {micro}, {objective.num_views} views"
    yield f"transform    {_transform(run)}"
    yield from _steps(run)


def _transform(run: Run) -> str:
    transform = run.parts.data_loader.transform
    if transform is None:
        return "none: crops are trained on as they are (docs/transforms.md)"
    block = run.config.tree["data_loader"]["transform"] if run.config else {}
    return str(block.get("@transforms", type(transform).__name__))


def parameters(run: Run) -> tuple[int, int]:
    """Count trained and frozen weights on the meta device."""
    with torch.device("meta"):
        model = run.parts.model.build(run.specs)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return trained, sum(p.numel() for p in model.parameters()) - trained


def _steps(run: Run) -> Iterator[str]:
    try:
        loader = run.loader(World(torch.device("cpu")))
    except OlmoEarthError as error:
        yield f"data         not there: {error}"
        return
    horizon = run.horizon(loader)
    loader.close()
    steps, peak = horizon.max_steps(Progress()), run.parts.train_module.optim_config.lr
    rates = [run.parts.train_module.scheduler.lr(peak, s, steps) for s in (1, max(1, steps // 2), steps)]
    yield f"data         {len(run.parts.dataset):,} samples, {horizon.batches_per_epoch:,} steps per epoch"
    yield f"steps        {steps:,}"
    yield f"rate         {rates[0]:.3g} at first, {rates[1]:.3g} halfway, {rates[2]:.3g} at last"
