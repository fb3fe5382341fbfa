"""The visible tokens of a batch as packed patch embeddings: how every encoder and target begins."""

# M packed tokens, D width
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from olmoearth_core.data.fitting import require_batch, whole_patch_size
from olmoearth_core.data.sample import Batch
from olmoearth_core.data.tokens import ENCODE
from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.model import Encoded
from olmoearth_plugins.blocks.packing import Packing, choose
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.reading import Reading, read


@dataclass(frozen=True)
class Visible:
    """What is visible in a batch: its reading, where the visible tokens lie, and their embeddings [M,D]."""

    reading: Reading
    at: Packing
    tokens: Tensor

    def encoded(
        self, packed_MD: Tensor, pooled: Tensor | None = None, extras: Mapping[str, Tensor] | None = None
    ) -> Encoded:
        """Put packed tokens back into their places; hidden places are zero."""
        tokens = self.reading.layout.split(self.at.restore(packed_MD))
        return Encoded(tokens, self.reading.codes, self.reading.counts, pooled, extras or {})


def visible(embedding: PatchEmbedding, batch: Batch, patch_size: int, only: Collection[str] | None = None) -> Visible:
    """Embed the visible patches of a batch.

    only: modalities that may be visible; all others count as hidden. None = all may.

    Raises:
        DataError: a patch size or arrays that do not fit.
    """
    patch_size = whole_patch_size(patch_size)
    embedding.check(patch_size)
    require_batch(batch)
    _same_device(embedding, batch)
    reading = read(batch, embedding.specs, embedding.tokenization, patch_size)
    if only is not None:
        reading = reading.only(only)
    rows = choose(reading.codes, ENCODE, reading.counts.encode)
    at = Packing(reading.layout, rows, reading.counts.encode_rows())
    return Visible(reading, at, embedding(batch, reading, rows, at))


def _same_device(embedding: PatchEmbedding, batch: Batch) -> None:
    there, here = next(embedding.parameters()).device, getattr(batch.timestamps, "device", None)
    if here is not None and here != there:
        raise DataError(
            f"the batch is on the device {here}, the model on {there}, expected one for both. Move the batch: "
            f'batch.to("{there}").'
        )
