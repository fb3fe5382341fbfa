"""How a model's tokens become features: which tokens count, how they are pooled, how samples are batched.

A position of the patch grid is the plain mean over the modalities that have a visible token *there*, each first
averaged over its own time steps and band groups. A modality that is absent at a position does not count at that
position, so neither a gap nor a batch mate moves a feature.
"""

# B samples, H W patches, T steps, S band groups, D width
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import DataError

if TYPE_CHECKING:
    from olmoearth_core.data.collate import BandGap
    from olmoearth_core.data.sample import Batch, Sample
    from olmoearth_core.data.tokens import Tokenization
    from olmoearth_core.interfaces.loss import Tokens
    from olmoearth_core.interfaces.modality import ModalitySpec

Encode = Callable[[Sequence["Sample"]], Tensor]


@dataclass(frozen=True)
class Reading:
    """How samples are handed to a model.

    patch_size: pixels of the 10 m grid. grid: keep the patch grid ([N,H,W,D]) or pool everything ([N,D]).
    band_gap: as in [data_loader]. batch_size: samples per forward, of equal shapes; decides memory, never numbers.
    """

    specs: Sequence[ModalitySpec]
    tokenization: Tokenization
    patch_size: int
    grid: bool = True
    band_gap: str = "zero_band"
    batch_size: int = 32


def encoder_of(model: nn.Module) -> nn.Module:
    """Return the encoder of a pretraining model, of one wrapped for several processes, or the module itself."""
    inner = getattr(model, "module", model)
    encoder = getattr(inner, "encoder", inner)
    return encoder if isinstance(encoder, nn.Module) else inner


def encode_with(model: nn.Module, reading: Reading) -> Encode:
    """Return samples -> features, float32 on the CPU, in the order of the samples."""
    encoder = encoder_of(model)

    def encode(samples: Sequence[Sample]) -> Tensor:
        with resting(encoder):
            parts = [(at, _forward(encoder, [samples[i] for i in at], reading)) for at in batches(samples, reading)]
        return join(parts, len(samples))

    return encode


def batches(samples: Sequence[Sample], reading: Reading) -> Iterator[list[int]]:
    """Cut samples into groups that can be stacked: positions with equal modalities and shapes, in order."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for i, sample in enumerate(samples):
        key = tuple((name, array.shape) for name, array in sample.arrays.items())
        alike.setdefault((*key, sample.timestamps.shape), []).append(i)
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


def pool_grid(tokens: Tokens) -> Tensor:
    """Return one vector per patch [B,H,W,D]; where nothing is visible it is zero.

    Raises:
        DataError: no spatial modality among the tokens.
    """
    means, seen = [], []
    for name, token in tokens.tokens.items():
        if token.ndim != 6:
            continue
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(token.dtype)
        count = visible.sum((3, 4))
        means.append((token * visible).sum((3, 4)) / count.clamp(min=1))
        seen.append((count > 0).to(token.dtype))
    if not means:
        raise DataError(f"A patch grid needs a spatial modality, but the tokens are of {list(tokens.tokens)}.")
    return torch.stack(means).sum(0) / torch.stack(seen).sum(0).clamp(min=1)


def pool_all(tokens: Tokens) -> Tensor:
    """Return one vector per sample [B,D]: the mean over all visible tokens, zero where there is none."""
    total: Tensor | float = 0.0
    count: Tensor | float = 0.0
    for name, token in tokens.tokens.items():
        visible = (tokens.masks[name] == ENCODE).unsqueeze(-1).to(token.dtype)
        total = total + (token * visible).flatten(1, -2).sum(1)
        count = count + visible.flatten(1, -2).sum(1)
    return torch.as_tensor(total / torch.as_tensor(count).clamp(min=1))


def _forward(encoder: nn.Module, samples: Sequence[Sample], reading: Reading) -> Tensor:
    tokens = encoder(_stack(samples, reading).to(device_of(encoder)), patch_size=reading.patch_size)
    pooled = pool_grid(tokens) if reading.grid else pool_all(tokens)
    return pooled.float().cpu()


def _stack(samples: Sequence[Sample], reading: Reading) -> Batch:
    from olmoearth_core.data.collate import batch_of

    here: Mapping[str, object] = samples[0].arrays
    specs = [spec for spec in reading.specs if spec.name in here]
    gap = cast("BandGap", reading.band_gap)
    return batch_of(samples, specs, reading.tokenization, patch_size=reading.patch_size, band_gap=gap)


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's weights are; the CPU for one without weights."""
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
