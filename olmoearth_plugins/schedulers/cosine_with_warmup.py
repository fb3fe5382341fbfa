"""Linear warm-up, then half a cosine down to a floor: a pure function of the step, so a resumed run cannot drift."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.optim import Schedule


def cosine_with_warmup(
    *,
    warmup_steps: int | None = None,
    warmup_fraction: float | None = None,
    alpha_f: float = 0.1,
    t_max: int | None = None,
    warmup_min_lr: float = 0.0,
) -> Schedule:
    """Rise to the peak over the warm-up, fall to `alpha_f` of it along a cosine, stay there.

    Args:
        warmup_steps: steps of the rise; give this or `warmup_fraction`.
        warmup_fraction: the same as a share of `t_max` (or of the run), in [0, 1].
        alpha_f: floor as a share of the peak.
        t_max: step at which the floor is reached; null = the last step of the run.
        warmup_min_lr: rate from which the rise starts.

    Raises:
        ConfigError: both or neither warm-up given, or one out of range.
    """
    if (warmup_steps is None) == (warmup_fraction is None):
        raise ConfigError(
            "cosine_with_warmup: give one of warmup_steps and warmup_fraction, "
            f"found {warmup_steps} and {warmup_fraction}."
        )
    if warmup_fraction is not None and not 0 <= warmup_fraction <= 1:
        raise ConfigError(f"cosine_with_warmup: warmup_fraction is a share in [0, 1], found {warmup_fraction}.")
    if warmup_steps is not None and warmup_steps < 0:
        raise ConfigError(f"cosine_with_warmup: warmup_steps must not be negative, found {warmup_steps}.")
    if t_max is not None and t_max < 1:
        raise ConfigError(f"cosine_with_warmup: t_max must be at least 1 step, found {t_max}.")
    return _CosineWithWarmup(warmup_steps, warmup_fraction, alpha_f, t_max, warmup_min_lr)


@dataclass(frozen=True)
class _CosineWithWarmup:
    warmup_steps: int | None
    warmup_fraction: float | None
    alpha_f: float
    t_max: int | None
    warmup_min_lr: float

    def warmup(self, total: int) -> int:
        """Steps of the rise; a fraction is rounded half to even."""
        return round(total * self.warmup_fraction) if self.warmup_fraction is not None else self.warmup_steps or 0

    def lr(self, peak: float, step: int, max_steps: int) -> float:
        """Return the rate of step `step` of `max_steps`; the warm-up wins where it outlasts the run."""
        total = self.t_max or max_steps
        warmup, floor = self.warmup(total), peak * self.alpha_f
        if step < warmup:
            return self.warmup_min_lr + (peak - self.warmup_min_lr) * step / warmup
        if step >= total:
            return floor
        return floor + (peak - floor) * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2
