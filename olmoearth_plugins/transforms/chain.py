"""Several transforms, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.masking import Draw
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.settings import Remark, checked_by
from olmoearth_core.interfaces.transform import Pixels, Transform

_EMPTY = "names no step. Add sections [data_loader.transform.steps.<name>] with an @transforms each."


def _judge(settings: Mapping[str, Any]) -> Iterator[Remark]:
    if not settings["steps"]:
        yield Remark("steps", _EMPTY)
    for name, block in settings["steps"].items():
        if not isinstance(block, Mapping) or "@transforms" not in block:
            yield Remark("steps", f"{name} is no transform: write a section with an @transforms line.")


@checked_by(_judge)
def chain(*, steps: Mapping[str, Any]) -> Transform:
    """Apply transforms in the order of the file.

    steps: by a name of your own, as sections `[data_loader.transform.steps.<name>]`; the names seed their draws, so
        adding a step changes nothing in what the others draw.

    Raises:
        ConfigError: no step, or one that does not change batches.
    """
    if not steps:
        raise ConfigError(f"olmoearth.chain.v1: {_EMPTY}")
    for name, step in steps.items():
        if not isinstance(step, Transform):
            raise ConfigError(f"olmoearth.chain.v1: steps.{name} does not change batches ({type(step).__name__}). "
                              "Name a component of docs/transforms.md.")  # fmt: skip
    return _Chain(dict(steps))


@dataclass(frozen=True)
class _Chain:
    steps: Mapping[str, Transform]

    def apply(self, pixels: Pixels, specs: Sequence[ModalitySpec], draw: Draw) -> Pixels:
        """Hand the pixels on from step to step."""
        for name, step in self.steps.items():
            pixels = step.apply(pixels, specs, draw.child(name))
        return pixels
