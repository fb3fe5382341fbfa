"""A network for single images, or for short series of them, as an embedder of our batches."""

# B samples, N frames (visible images), H W pixels, h w patches, T steps, C bands, D width
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_baselines.prepare import frames, grid
from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_core.data.sample import Batch
from olmoearth_core.interfaces.wrapper import Wish

FRAMES_PER_PASS = 32
"""Images per forward; decides memory, not features."""


@dataclass(frozen=True)
class Patches:
    """What a network says of N frames: a vector per patch [N,h,w,D], and its own summary [N,D] where it has one."""

    grid_NhwD: Tensor
    summary_ND: Tensor | None = None


Images = Mapping[str, Tensor]
Network = Callable[[Images, Tensor], Patches]
"""(modality -> images [N,C,side,side] at the model's scale, dates [N,3]) -> features."""
Series = Callable[[Tensor], Tensor]
"""Images [N,C,T,side,side] in the order of time -> features per patch [N,h,w,D]."""


@dataclass(frozen=True)
class FrameEmbedder:
    """Shows every visible image to a network on its own; features are pooled over the visible steps.

    sensors: modality -> what the network takes of it. side: of its images in pixels; smallest: where a sample is a
    single pixel. fused: images of one date go through the network together; else every modality is embedded by itself
    and the features are averaged over the modalities that are there.
    """

    module: nn.Module
    width: int
    sensors: Mapping[str, Sensor]
    network: Network
    side: int
    smallest: int
    fused: bool = False

    def embed(self, batch: Batch, wish: Wish) -> Tensor:
        """Return features [B,D], or [B,h,w,D] on the task's grid."""
        pooling = grid.checked(wish.pooling, grid=wish.grid)
        here = frames.present(batch, self.sensors)
        groups = [here] if self.fused else [[sensor] for sensor in here]
        total, count_B = None, torch.zeros(batch.size, device=batch.device)
        for group in groups:
            said = list(self._said(batch, group, wish))
            if not said:
                continue
            sample_N = torch.cat([sample for sample, _ in said])
            features = frames.by_sample(torch.cat([f for _, f in said]), sample_N, batch.size, pooling)
            total = features if total is None else total + features
            count_B = count_B + torch.bincount(sample_N, minlength=batch.size).clamp(max=1)
        assert total is not None, "frames.present lets no batch without an image pass"
        mean = total / count_B.reshape(-1, *[1] * (total.dim() - 1))
        return _finished(mean, batch, wish)

    def _said(self, batch: Batch, sensors: list[Sensor], wish: Wish) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (sample [n], features [n,h,w,D] or [n,D]) of some frames at a time."""
        for group, samples, steps in frames.together(batch, sensors):
            for sample_N, step_N in frames.some_at_a_time(samples, steps, FRAMES_PER_PASS):
                images = {
                    s.spec.name: sized(s.images(batch, sample_N, step_N, normalize=wish.normalize), self) for s in group
                }
                patches = self.network(images, batch.timestamps[sample_N, step_N])
                whole = patches.summary_ND if not wish.grid and wish.pooling != "center" else None
                yield sample_N, patches.grid_NhwD if whole is None else whole


@dataclass(frozen=True)
class SeriesEmbedder:
    """Shows the visible images of a sample to a network at once, in the order of time.

    The network pools over time by itself. Samples with equally many visible images go through it together.
    """

    module: nn.Module
    width: int
    sensor: Sensor
    network: Series
    side: int
    smallest: int

    def embed(self, batch: Batch, wish: Wish) -> Tensor:
        """Return features [B,D], or [B,h,w,D] on the task's grid."""
        grid.checked(wish.pooling, grid=wish.grid)
        frames.present(batch, {self.sensor.spec.name: self.sensor})
        seen_BT = self.sensor.visible(batch)
        parts, places = [], []
        for count in sorted(set(seen_BT.sum(1).tolist())):
            rows = (seen_BT.sum(1) == count).nonzero().squeeze(1)
            for sample_N, _ in frames.some_at_a_time(rows, rows, max(1, FRAMES_PER_PASS // count)):
                parts.append(self._said(batch, sample_N, seen_BT, wish))
                places.append(sample_N)
        return _finished(torch.cat(parts)[torch.cat(places).argsort()], batch, wish)

    def _said(self, batch: Batch, sample_N: Tensor, seen_BT: Tensor, wish: Wish) -> Tensor:
        place, step = seen_BT[sample_N].nonzero(as_tuple=True)
        images = sized(self.sensor.images(batch, sample_N[place], step, normalize=wish.normalize), self)
        return self.network(images.reshape(len(sample_N), -1, *images.shape[1:]).movedim(1, 2))


def sized(images_NCHW: Tensor, embedder: FrameEmbedder | SeriesEmbedder) -> Tensor:
    """Return images of the side that the network was made for; of its smallest one where they are single pixels."""
    alone = images_NCHW.shape[-2:] == (1, 1)
    return grid.resized(images_NCHW, embedder.smallest if alone else embedder.side)


def _finished(features: Tensor, batch: Batch, wish: Wish) -> Tensor:
    if features.dim() == 2:
        return features
    if not wish.grid:
        return grid.pooled(features, wish.pooling)
    height, width = next(a.shape[1:3] for a in batch.arrays.values() if a.dim() == 5)
    return grid.regridded(features, height, width, wish.patch_size)
