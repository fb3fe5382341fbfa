"""The tokens that were to be predicted: gathered to one compact list, which knows whose they are without a question.

The masks of the predictions decide. What is not to be decoded is never touched, so its gradient is exactly zero.
"""

# B samples, N tokens of a modality, n tokens to decode, R samples that have some, K most of one sample, D width
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from olmoearth_core.data.tokens import DECODE
from olmoearth_core.interfaces.loss import Tokens


@dataclass(frozen=True)
class Decoded:
    """Predictions and targets [n,D] of the tokens to decode, one sample after the other, at least one of them.

    counts: tokens of each sample of the batch, zeros included. modality: "" where all are joined.
    """

    modality: str
    predicted: Tensor
    target: Tensor
    counts: tuple[int, ...]

    @property
    def samples(self) -> tuple[int, ...]:
        """Counts of the samples that have tokens."""
        return tuple(c for c in self.counts if c)

    def per_token(self, by_sample: list[float]) -> Tensor:
        """Give each token the value of its sample, [n]; `by_sample` has one value for each of `samples`."""
        device = self.predicted.device
        counts = torch.tensor(self.samples, device=device)
        values = torch.tensor(by_sample, device=device)
        return values.repeat_interleave(counts, output_size=sum(self.samples))


def nothing(predicted: Tokens) -> Tensor:
    """Return 0 as a part of the graph of all predictions, so that backward works and no rank waits for another.

    Modalities that are known to have something decoded are left out: they are in the graph anyway, and zeros of their
    full size would be made and added for nothing.
    """
    known = predicted.counts.decode if predicted.counts is not None else {}
    zeros = [t.flatten()[:0].float().sum() for name, t in predicted.tokens.items() if not any(known.get(name, ()))]
    return torch.stack(zeros).sum() if zeros else torch.zeros((), device=device_of(predicted))


def device_of(predicted: Tokens) -> str:
    """Return the type of device that the predictions are on."""
    return next((t.device.type for t in predicted.tokens.values()), "cpu")


def decoded(predicted: Tokens, target: Tokens) -> Iterator[Decoded]:
    """Yield each modality that has something decoded. Without counts the device is asked once."""
    chosen = {name: (mask == DECODE).flatten(1) for name, mask in predicted.masks.items()}
    for name, counts in _counts(predicted, chosen).items():
        if any(counts):
            x_nD, y_nD = (_pick(t.tokens[name], chosen[name], sum(counts)) for t in (predicted, target))
            yield Decoded(name, x_nD, y_nD, counts)


def joined(predicted: Tokens, target: Tokens) -> Decoded | None:
    """Return what is decoded in all modalities together, sample by sample; None if there is nothing."""
    parts = list(decoded(predicted, target))
    if not parts:
        return None
    x_nD, y_nD = (torch.cat([getattr(part, side) for part in parts]) for side in ("predicted", "target"))
    counts = tuple(map(sum, zip(*(part.counts for part in parts), strict=True)))
    if len(parts) > 1:
        numbers = [torch.arange(len(part.samples)) for part in parts]
        whose = [_present(part) for part in parts]
        of_n = torch.cat(
            [w[k].repeat_interleave(torch.tensor(p.samples)) for w, k, p in zip(whose, numbers, parts, strict=True)]
        )
        order_n = torch.argsort(of_n, stable=True).to(x_nD.device, non_blocking=True)
        x_nD, y_nD = x_nD.index_select(0, order_n), y_nD.index_select(0, order_n)
    return Decoded("", x_nD, y_nD, counts)


def grid(part: Decoded) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return predictions and targets as [R,K,D], and which of [R,K] are valid; None = all are."""
    samples = part.samples
    rows, longest, width = len(samples), max(samples), part.predicted.shape[-1]
    if min(samples) == longest:
        return part.predicted.view(rows, longest, width), part.target.view(rows, longest, -1), None
    counts_R = torch.tensor(samples)
    valid_RK = torch.arange(longest) < counts_R[:, None]
    start_R = counts_R.cumsum(0) - counts_R
    index_RK = torch.where(valid_RK, start_R[:, None] + torch.arange(longest), start_R[:, None])
    index, valid_RK = (t.to(part.predicted.device, non_blocking=True) for t in (index_RK.flatten(), valid_RK))
    x_RKD, y_RKD = (t.index_select(0, index).view(rows, longest, -1) for t in (part.predicted, part.target))
    return x_RKD, y_RKD, valid_RK


def _present(part: Decoded) -> Tensor:
    return torch.tensor([i for i, count in enumerate(part.counts) if count])


def _counts(predicted: Tokens, chosen: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    if predicted.counts is not None:
        return {name: tuple(predicted.counts.decode[name]) for name in chosen}
    if not chosen:
        return {}
    counts_MB = torch.stack([chosen_BN.sum(1) for chosen_BN in chosen.values()]).tolist()
    return dict(zip(chosen, map(tuple, counts_MB), strict=True))


def _pick(tokens: Tensor, chosen_BN: Tensor, count: int) -> Tensor:
    """Return the chosen tokens as [n,D], in float32 if they are floating-point."""
    flat = tokens.flatten(0, -2)
    if count < len(flat):
        index_n = torch.nonzero_static(chosen_BN.flatten(), size=count).squeeze(-1)
        flat = flat.index_select(0, index_n)
    return flat.float() if flat.is_floating_point() else flat
