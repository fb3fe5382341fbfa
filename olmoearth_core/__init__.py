"""The frame of OlmoEarth: interfaces, registries, configuration, data path, training, evaluation, command line.

It names no sensor, no benchmark and no architecture: those are components of installed packages.
Importing this package loads nothing else; the public names below load their module when they are first used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from olmoearth_core.compose import compose
    from olmoearth_core.data.dataset import OlmoEarthDataset
    from olmoearth_core.data.sample import Batch, Sample
    from olmoearth_core.kinds import registry
    from olmoearth_core.lookup import modalities
    from olmoearth_core.models.embed import embed
    from olmoearth_core.models.open import load_model
    from olmoearth_core.models.package import save_model

PUBLIC = {
    "Batch": "olmoearth_core.data.sample:Batch",
    "OlmoEarthDataset": "olmoearth_core.data.dataset:OlmoEarthDataset",
    "Sample": "olmoearth_core.data.sample:Sample",
    "compose": "olmoearth_core.compose:compose",
    "embed": "olmoearth_core.models.embed:embed",
    "load_model": "olmoearth_core.models.open:load_model",
    "modalities": "olmoearth_core.lookup:modalities",
    "registry": "olmoearth_core.kinds:registry",
    "save_model": "olmoearth_core.models.package:save_model",
}
"""Public name -> where it is defined. Add a line here and one to the imports above."""

__all__ = [
    "Batch", "OlmoEarthDataset", "Sample", "compose", "embed", "load_model", "modalities", "registry", "save_model",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"olmoearth_core has no {name}; it offers {', '.join(sorted(PUBLIC))}")
    module, _, attribute = PUBLIC[name].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})


class _Package(ModuleType):
    """This package as an object whose public names win over its modules of the same name.

    Importing `olmoearth_core.registry` makes Python set the attribute `registry` of this package to that module;
    `from olmoearth_core import registry` would then depend on who imported what before.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in PUBLIC and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
