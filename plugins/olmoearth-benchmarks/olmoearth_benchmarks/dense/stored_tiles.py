"""One tensor file that holds all tiles of a split, mapped into memory when it is first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from olmoearth_benchmarks.dense import tensor_file
from olmoearth_core.data.cache import Cache
from olmoearth_core.errors import DataError


@dataclass
class StoredTiles:
    """A table of tensors with one row per tile, and perhaps "names" and "groups" of the tiles.

    Sent to another process it takes its address along, not its values.
    """

    url: str
    cache: Cache = field(default_factory=tensor_file.local_copies, repr=False)
    _content: Mapping[str, Any] | None = field(default=None, repr=False)

    def tensor(self, key: str, shape: tuple[int | None, ...]) -> Tensor:
        """Return a tensor of the table, checked.

        Raises:
            DataError: it is not there, or is not a tensor of this shape.
        """
        content = tensor_file.table(self._table(), self.url, (key,))
        return tensor_file.tensor(content[key], f"{self.url}: {key}", shape)

    def has(self, key: str) -> bool:
        """Whether the table has such an entry."""
        return key in self._table()

    def text(self, key: str, row: int) -> str:
        """Return what "names" or "groups" says of a tile; "" where the file does not say."""
        texts = self._table().get(key)
        if texts is None:
            return ""
        if not isinstance(texts, list) or row >= len(texts) or not isinstance(texts[row], str):
            raise DataError(f"{self.url}: no {key} for tile {row}, though there should be. Prepare the file again.")
        return str(texts[row])[:200]

    def _table(self) -> Mapping[str, Any]:
        if self._content is None:
            self._content = tensor_file.table(tensor_file.load(self.url, self.cache), self.url, ())
        return self._content

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_content": None}
