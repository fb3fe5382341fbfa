"""What every model checks before it allocates anything."""

from __future__ import annotations

from collections.abc import Sequence

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.modality import ModalitySpec


def check_tokenization(tokenization: Tokenization, specs: Sequence[ModalitySpec]) -> None:
    """Refuse a tokenization of modalities that are not there.

    Raises:
        ConfigError: naming them.
    """
    unknown = sorted(set(tokenization.overrides) - {spec.name for spec in specs})
    if unknown:
        raise ConfigError(
            f"model.tokenization names {', '.join(unknown)}, which is not among the training modalities "
            f"{', '.join(spec.name for spec in specs)}."
        )
