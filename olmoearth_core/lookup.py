"""From the names that people type to modalities: the one public lookup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from olmoearth_core.errors import BrokenComponent, ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import registry


def modalities(names: Iterable[str | ModalitySpec]) -> tuple[ModalitySpec, ...]:
    """Return the modalities with these names, in the order given; specs pass through.

    The case of a name does not matter. Raises UnknownComponent with what was probably meant,
    BrokenComponent if a package cannot be imported, ConfigError if a modality is given twice.
    """
    if isinstance(names, str):
        raise ConfigError(f'modalities: found the text "{names}", expected a list of names. Write ["{names}"].')
    specs = tuple(_spec(name) for name in names)
    given = [spec.name for spec in specs]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise ConfigError(f"modalities: {', '.join(twice)} is given more than once (upper or lower case is the same).")
    return specs


def derivation(spec: ModalitySpec) -> Any:
    """Return the transform that computes a derived modality from its source.

    Raises ConfigError for a modality that is measured, not derived.
    """
    if spec.derive is None:
        raise ConfigError(f'modality "{spec.name}" is not derived from another one; there is nothing to compute.')
    return registry.transforms.get(spec.derive)()


def _spec(name: str | ModalitySpec) -> ModalitySpec:
    if isinstance(name, ModalitySpec):
        return name
    component = registry.modalities.component(name)
    spec: ModalitySpec = registry.modalities.get(name)()
    if spec.name != component.name:
        raise BrokenComponent(
            f'{component.target} ({component.origin}) is registered as the modality "{component.name}" '
            f'but calls itself "{spec.name}". Tell the authors of {component.distribution}.'
        )
    return spec
