"""Which tokens attend to each other in which block of a space-time factorised transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from olmoearth_core.errors import ConfigError

MODES = ("full", "spatial", "temporal", "windowed")


@dataclass(frozen=True)
class Schedule:
    """One mode per block. window: its side in patches. fuses: whether the last block makes one token of each patch."""

    modes: tuple[str, ...]
    window: int = 1
    fuses: bool = False

    def shift(self, number: int) -> int:
        """Patches by which the windows of a block (the first is 0) are moved up and left: half of one, every other."""
        return 0 if number % 2 else self.window // 2


def schedule(
    where: str,
    depth: int,
    *,
    modes: Sequence[str] | None = None,
    window: int | None = None,
    fuse_layers: int | None = None,
) -> Schedule:
    """Return the schedule of a stack of `depth` blocks; by default temporal and spatial ones take turns.

    modes: one per block. window: all blocks are windowed, or those that `modes` says. fuse_layers: spatial blocks, this
    many full ones, and a temporal one that fuses; with `modes` just the latter.

    Raises:
        ConfigError: options that contradict each other; `where` says whose they are.
    """
    if window is not None and window < 1:
        raise ConfigError(f"{where}: windowed_attention_size {window} must be at least 1 patch.")
    if modes is not None:
        chosen = _named(where, depth, modes, window)
    elif window is not None:
        chosen = ("windowed",) * depth
    elif fuse_layers is not None:
        chosen = _fused(where, depth, fuse_layers)
    else:
        chosen = tuple("spatial" if number % 2 else "temporal" for number in range(depth))
    if fuse_layers is not None and chosen[-1] != "temporal":
        raise ConfigError(
            f"{where}: with fuse_layers the last block must be temporal, but it is {chosen[-1]}. "
            f"Leave out fuse_layers, or let layer_attention_modes end with temporal."
        )
    return Schedule(chosen, window or 1, fuse_layers is not None)


def _named(where: str, depth: int, modes: Sequence[str], window: int | None) -> tuple[str, ...]:
    chosen = tuple(mode.lower() for mode in modes)
    strange = [mode for mode in chosen if mode not in MODES]
    if strange or len(chosen) != depth:
        raise ConfigError(
            f"{where}: layer_attention_modes {list(modes)} must name one of {', '.join(MODES)} for each of {depth} "
            f"blocks."
        )
    if ("windowed" in chosen) != (window is not None):
        raise ConfigError(
            f"{where}: layer_attention_modes {list(modes)} and windowed_attention_size {window} do not fit: windowed "
            f"blocks need a size, and only they have one."
        )
    return chosen


def _fused(where: str, depth: int, fuse_layers: int) -> tuple[str, ...]:
    if not 0 <= fuse_layers < depth:
        raise ConfigError(
            f"{where}: fuse_layers {fuse_layers} must lie in [0, {depth - 1}]; the last of {depth} blocks fuses."
        )
    return ("spatial",) * (depth - 1 - fuse_layers) + ("full",) * fuse_layers + ("temporal",)
