"""Models from elsewhere: what they must say about themselves so that they can be fed, or refused, correctly."""

# B samples, D width, h w patches
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from olmoearth_core.data.sample import Batch


@dataclass(frozen=True)
class Input:
    """What a model takes of one modality.

    bands: by the names of the modality's specification, in the model's own order. quantity: the word for their unit
    (`ModalitySpec.quantity`) or "decibel" for radar backscatter as sample files hold it.
    """

    bands: tuple[str, ...]
    quantity: str


@dataclass(frozen=True)
class Needs:
    """What a model takes, and what it cannot do without.

    inputs: by modality, those it understands. required: those that must be there; () = any one of the inputs.
    one_modality: it takes a single modality at a time. min_steps: time steps below which it is no use.
    patch_size: side of its patches in pixels of the 10 m grid, where a task cannot choose it.
    """

    inputs: Mapping[str, Input]
    required: tuple[str, ...] = ()
    one_modality: bool = False
    min_steps: int = 1
    patch_size: int | None = None


@dataclass(frozen=True)
class Wish:
    """How the features shall come out.

    grid: [B,h,w,D] with h = H / patch_size, instead of [B,D]. normalize: bring raw values to the model's own scale;
    False = they have been normalised by the benchmark's statistics already.
    """

    patch_size: int
    grid: bool = False
    pooling: str = "mean"
    normalize: bool = True


@runtime_checkable
class Embedder(Protocol):
    """A loaded model. module: its weights, for their hash, their device and fine-tuning. width: D."""

    @property
    def module(self) -> nn.Module:
        """Its weights."""
        ...

    @property
    def width(self) -> int:
        """Width of a feature."""
        ...

    def embed(self, batch: Batch, wish: Wish) -> Tensor:
        """Return features of a batch of raw values, with gradients if torch records them.

        batch.arrays: [B,H,W,T,C] in the bands of the modality's specification, 0 where the mask of their band group
        says missing; batch.timestamps as everywhere (month 0-11).
        """
        ...


@runtime_checkable
class Wrapper(Protocol):
    """A model that is not ours, cheap until opened; factories return frozen dataclasses.

    needs: checked against every benchmark before anything is scored. licence, source: of its weights.
    """

    @property
    def name(self) -> str:
        """What it is called in result rows."""
        ...

    @property
    def needs(self) -> Needs:
        """What it takes."""
        ...

    @property
    def licence(self) -> str:
        """Of its weights."""
        ...

    @property
    def source(self) -> str:
        """Where its weights come from."""
        ...

    def open(self, *, device: torch.device) -> Embedder:
        """Load the model.

        Raises:
            CheckpointError: the package, the weights or the network that it needs are not there; says how to get them.
        """
        ...
