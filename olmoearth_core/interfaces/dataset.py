"""What the loader asks of a data set, whoever reads the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from olmoearth_core.data.dataset import Crop, Extent
    from olmoearth_core.data.sample import Sample
    from olmoearth_core.interfaces.modality import ModalitySpec


@runtime_checkable
class Dataset(Protocol):
    """Samples by number. Making one touches no disk; `prepare` does, and only then is it known which samples there are.

    h5py_dir: where it is, for messages. max_sequence_length: most time steps of a crop.
    """

    h5py_dir: str
    max_sequence_length: int

    @property
    def specs(self) -> Sequence[ModalitySpec]:
        """The modalities, in declaration order."""
        ...

    def prepare(self) -> None:
        """Find the data and choose the samples. Idempotent; DataError if that fails."""
        ...

    def __len__(self) -> int:
        """Return how many samples are used, after `prepare`."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 that the reference gives this data set."""
        ...

    def path(self, index: int) -> str:
        """URL of a sample's file. index: one of `indices`."""
        ...

    def extent(self, index: int) -> Extent:
        """Open a sample and return its size."""
        ...

    def sample(self, index: int, crop: Crop, position: int = 0) -> Sample:
        """Read a crop of a sample; DataError if it cannot be read. position: place in the epoch's order."""
        ...

    def window(
        self, index: int, *, top: int, left: int, height: int, width: int, start_step: int, steps: int
    ) -> Sample:
        """Read a given window of a sample: grid pixels, and rows of its time axis (rows past the end are absent)."""
        ...


class OpenDataset(Dataset, Protocol):
    """A data set after `prepare`.

    indices: numbers of the samples, int [N], in the order from which epochs are shuffled.
    latlons: their places, float [N, 2] in degrees, None if not known.
    """

    indices: np.ndarray
    latlons: np.ndarray | None

    @property
    def identity(self) -> str:
        """SHA-256 over everything that decides which samples there are, in which order."""
        ...

    @property
    def tile_size(self) -> int:
        """Side of the smallest sample in grid pixels."""
        ...
