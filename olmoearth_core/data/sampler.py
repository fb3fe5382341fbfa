"""How large the crops of a batch are: patch size, patches per side and time steps.

Drawn once per global batch from (seed, epoch, number of the batch), so all ranks compute equal shapes. Only
combinations that fit the tile and the token budget are drawn. draws = "reference" repeats the generators of the
reference instead (one per rank and worker), for seeded comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.budget import smallest_budget, steps_within
from olmoearth_core.data.random import Draws, key_of
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import TILE_PIXELS, ModalitySpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shape:
    """Crop of a batch: grid pixels per patch, patches per side (None = whole samples), time steps."""

    patch_size: int
    patches: int | None
    steps: int


class Shapes:
    """All shapes that a loader may draw."""

    def __init__(
        self,
        specs: Sequence[ModalitySpec],
        tokenization: Tokenization,
        settings: DataLoaderSettings,
        *,
        tile: int,
        longest: int,
    ) -> None:
        """Find out what fits. tile: side of a sample in grid pixels; longest: most time steps.

        Raises:
            ConfigError: nothing fits; the message says which patches per side and which budget would.
        """
        self._settings = settings
        self._sizes = range(settings.min_patch_size, settings.max_patch_size + 1)
        if settings.min_patch_size < 1 or not self._sizes:
            raise ConfigError(
                f"data_loader: patch sizes run from {settings.min_patch_size} to {settings.max_patch_size}; "
                "expected 1 <= min_patch_size <= max_patch_size."
            )
        budget = settings.token_budget
        tokenization = tokenization if settings.budget_band_sets == "model" else Tokenization()
        self._steps = {
            p: steps_within(specs, tokenization, patches=p, budget=budget, longest=longest)
            for p in settings.sampled_hw_p_list
            if p > 0
        }
        self.choices = self._whole(tile, longest) if budget is None else self._crops(tile)
        if not self.choices:
            raise ConfigError(self._nothing_fits(specs, tokenization, tile))

    def of(self, epoch: int, batch: int) -> Shape:
        """Return the shape of one global batch."""
        u = Draws([key_of("shape", self._settings.seed, epoch, batch)]).array("shape", 2)[0]
        sizes = list(self.choices)
        shapes = self.choices[sizes[int(u[0] * len(sizes))]]
        return shapes[int(u[1] * len(shapes))]

    def reference(self, epoch: int, batch: int, *, rank: int) -> Shape:
        """Return the shape of one rank batch as the reference draws it; goes on after a resume, which it does not."""
        workers = max(1, self._settings.num_workers)
        seed = self._settings.seed + epoch + rank * workers + batch % workers
        draws = reference_shapes(self._sizes, self._settings.sampled_hw_p_list, seed)
        patch_size, patches = next(islice(draws, batch // workers, None))
        if self._settings.token_budget is None:
            return Shape(patch_size, None, next(iter(self.choices.values()))[0].steps)
        if self._steps[patches] < 1:
            raise ConfigError(
                f"data_loader.token_budget = {self._settings.token_budget} holds no time step of {patches} x {patches} "
                'patches. Take them out of sampled_hw_p_list, or use draws = "counter", which leaves them out.'
            )
        return Shape(patch_size, patches, self._steps[patches])

    def _crops(self, tile: int) -> dict[int, tuple[Shape, ...]]:
        fit = {s: tuple(Shape(s, p, t) for p, t in self._steps.items() if t and p * s <= tile) for s in self._sizes}
        tight = [p for p, t in self._steps.items() if not t]
        if tight and any(fit.values()):
            log.warning(
                "token budget %s holds no time step of %s patches per side: not drawn",
                self._settings.token_budget,
                tight,
            )
        return {size: shapes for size, shapes in fit.items() if shapes}

    def _whole(self, tile: int, longest: int) -> dict[int, tuple[Shape, ...]]:
        return {size: (Shape(size, None, longest),) for size in self._sizes if tile % size == 0}

    def _nothing_fits(self, specs: Sequence[ModalitySpec], tokenization: Tokenization, tile: int) -> str:
        settings = self._settings
        where = f"data_loader: no crop is possible with patch sizes {self._sizes.start}…{self._sizes.stop - 1}"
        if settings.token_budget is None:
            return f"{where} and whole samples of {tile} pixels: none of these divides {tile}."
        where += f", sampled_hw_p_list = {list(settings.sampled_hw_p_list)}, samples of {tile} pixels"
        inside = [p for p in self._steps if p * settings.min_patch_size <= tile]
        if not inside:
            most = tile // settings.min_patch_size
            return f"{where}: at most {most} patches of {settings.min_patch_size} pixels fit. Lower one of them."
        least = {p: smallest_budget(specs, tokenization, p) for p in inside}
        fitting = _largest_side(specs, tokenization, settings.token_budget)
        return (
            f"{where} and token_budget = {settings.token_budget}: one time step of {min(inside)} patches per side "
            f"takes {least[min(inside)]} tokens. Raise token_budget to at least that"
            + (f", or allow up to {fitting} patches per side." if fitting else ".")
        )


def reference_shapes(sizes: range, sides: Sequence[int], seed: int) -> Iterator[tuple[int, int]]:
    """Yield (patch size, patches per side) without end, as the reference's generator draws them.

    The cap of 256 pixels is the reference's; it does not look at the samples.
    """
    generator = np.random.default_rng(seed)
    while True:
        size = sizes[int(generator.integers(0, len(sizes)))]
        allowed = [p for p in sides if 0 < p <= TILE_PIXELS // size]
        yield size, allowed[int(generator.integers(0, len(allowed)))]


def _largest_side(specs: Sequence[ModalitySpec], tokenization: Tokenization, budget: int) -> int:
    side = 0
    while side < TILE_PIXELS and smallest_budget(specs, tokenization, side + 1) <= budget:
        side += 1
    return side
