"""Means and deviations of modalities on the OlmoEarth pretraining set, for models that publish none of their own.

They are read from the specifications of the modalities, so that a newer release of them counts here too.
"""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec


def measured(spec: ModalitySpec, bands: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (means, deviations) of bands, in the order asked for.

    Raises:
        ConfigError: nobody has measured one of them.
    """
    found = [spec.statistics.get(band) for band in bands]
    pairs = [(s.mean, s.std) for s in found if s is not None and s.mean is not None and s.std is not None]
    if len(pairs) < len(bands):
        raise ConfigError(f"{spec.name}: no mean and deviation for some of {', '.join(bands)}.")
    return tuple(mean for mean, _ in pairs), tuple(std for _, std in pairs)
