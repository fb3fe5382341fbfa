"""How samples are handed to a model: scaled, stacked with others of their shape, and pooled into features."""

# B samples, H W patches, T steps, S band groups, D width
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from olmoearth_core.errors import DataError
from olmoearth_core.features.pad import pad_steps
from olmoearth_core.features.pooling import Pool, pool_of

if TYPE_CHECKING:
    from olmoearth_core.data.collate import BandGap
    from olmoearth_core.data.sample import Batch, Sample
    from olmoearth_core.data.tokens import Tokenization
    from olmoearth_core.interfaces.modality import ModalitySpec

Encode = Callable[[Sequence["Sample"]], Tensor]
Scale = Callable[["Sample"], "Sample"]


@dataclass(frozen=True)
class Reading:
    """How samples are handed to a model.

    patch_size: pixels of the 10 m grid. grid: keep the patch grid ([N,H,W,D]) or pool everything ([N,D]).
    concat: keep band groups apart as well. band_gap: as in [data_loader]. batch_size: samples per forward, of equal
    shapes; decides memory, never numbers. pooling: as in `features.pooling`. count_gaps: the reference's mean.
    scale: from raw values to the model's scale; None = they are at that scale. half: compute in bfloat16.
    """

    specs: Sequence[ModalitySpec]
    tokenization: Tokenization
    patch_size: int
    grid: bool = True
    band_gap: str = "zero_band"
    batch_size: int = 32
    pooling: str = "mean"
    concat: bool = False
    count_gaps: bool = False
    scale: Scale | None = None
    half: bool = False

    @property
    def pool(self) -> Pool:
        """From tokens to features."""
        return pool_of(self.pooling, grid=self.grid, concat=self.concat, count_gaps=self.count_gaps)

    def scaled(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples at the model's scale."""
        return samples if self.scale is None else [self.scale(sample) for sample in samples]


def encoder_of(model: nn.Module) -> nn.Module:
    """Return the encoder of a pretraining model, of one wrapped for several processes, or the module itself."""
    inner = getattr(model, "module", model)
    encoder = getattr(inner, "encoder", inner)
    return encoder if isinstance(encoder, nn.Module) else inner


def encode_with(model: nn.Module, reading: Reading) -> Encode:
    """Return samples -> features, float32 on the CPU, in the order of the samples."""
    encoder = encoder_of(model)

    def encode(samples: Sequence[Sample]) -> Tensor:
        samples = reading.scaled(samples)
        with resting(encoder):
            parts = [(at, forward(encoder, [samples[i] for i in at], reading)) for at in batches(samples, reading)]
        return join([(at, part.float().cpu()) for at, part in parts], len(samples))

    return encode


def forward(encoder: nn.Module, samples: Sequence[Sample], reading: Reading) -> Tensor:
    """Return the features of scaled samples of equal shape, on the encoder's device, with gradients if recorded."""
    device = device_of(encoder)
    with torch.autocast(device.type, torch.bfloat16, enabled=reading.half):
        tokens = encoder(stack(samples, reading).to(device), patch_size=reading.patch_size)
    return reading.pool(tokens)


def batches(samples: Sequence[Sample], reading: Reading) -> Iterator[list[int]]:
    """Cut samples into groups that can be stacked: positions with equal modalities and sizes, in order.

    Samples of different lengths share a group, in which the shorter ones are padded.
    """
    timed = _timed(reading)
    alike: dict[tuple[object, ...], list[int]] = {}
    for i, sample in enumerate(samples):
        parts = sample.arrays.items()
        key = tuple((n, *((a.shape[:-2], a.shape[-1]) if n in timed else (a.shape,))) for n, a in parts)
        alike.setdefault(key, []).append(i)
    for positions in alike.values():
        for start in range(0, len(positions), reading.batch_size):
            yield positions[start : start + reading.batch_size]


def join(parts: Sequence[tuple[list[int], Tensor]], count: int) -> Tensor:
    """Put features of groups back into the order of the samples.

    Raises:
        DataError: there are no samples, or their patch grids differ and cannot be stacked.
    """
    if not parts:
        raise DataError("There are no samples to embed. Check the benchmark's data folder and filters.")
    shapes = {tuple(part.shape[1:]) for _, part in parts}
    if len(shapes) > 1:
        raise DataError(f"Samples of one task must have one patch grid, but these have {sorted(shapes)}.")
    out = torch.empty(count, *shapes.pop())
    for positions, part in parts:
        out[positions] = part
    return out


@contextmanager
def resting(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every submodule is in the mode it was in."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def stack(samples: Sequence[Sample], reading: Reading) -> Batch:
    """Make a batch of samples of one group, everything shown that is there."""
    from olmoearth_core.data.collate import batch_of

    samples = padded(samples, reading)
    here: Mapping[str, object] = samples[0].arrays
    specs = [spec for spec in reading.specs if spec.name in here]
    gap = cast("BandGap", reading.band_gap)
    return batch_of(samples, specs, reading.tokenization, patch_size=reading.patch_size, band_gap=gap)


def padded(samples: Sequence[Sample], reading: Reading) -> list[Sample]:
    """Return samples of equal length."""
    return pad_steps(samples, _timed(reading))


def _timed(reading: Reading) -> set[str]:
    return {spec.name for spec in reading.specs if spec.multitemporal}


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's weights are; the CPU for one without weights."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
