"""What a model says about itself: the card that travels with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from olmoearth_core.data.collate import BandGap
from olmoearth_core.data.fill import Fill
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.modality import ModalitySpec

if TYPE_CHECKING:
    from olmoearth_core.config.resolved import Config


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is needed to feed a model, to build it again and to pass it on.

    title: what people call it. format: the checkpoint format that opened it.
    specs: the modalities it was made for, in declaration order, with their statistics and normalisation.
    tokenization: which bands form one token. model: the resolved [model] block, from which it can be built again.
    band_gap: which tokens absent bands leave, as in [data_loader]. fill: what stands in for an absent band, as in
        `data.normalize.Normalizer`.
    input_modalities: the modalities meant as inputs; None = all.
    licence: text that must stay with the weights. source: where they came from.
    step: optimizer steps behind them, where known. path: the folder that was opened.
    run_text: the resolved config of the whole run as text, where there was a run.
    """

    title: str
    format: str
    specs: tuple[ModalitySpec, ...]
    tokenization: Tokenization
    model: Mapping[str, Any]
    band_gap: BandGap
    fill: Fill = "zero"
    input_modalities: tuple[str, ...] | None = None
    licence: str = ""
    source: str = ""
    step: int | None = None
    path: Path | None = None
    run_text: str | None = None

    @cached_property
    def config(self) -> Config | None:
        """The config of the run that trained the model, None where there is none.

        It is checked only when asked for, so that using a model needs no package that only its training needed.

        Raises:
            ConfigError: it names components that are not installed.
        """
        from olmoearth_core.config.resolved import Config

        return None if self.run_text is None else Config.from_text(self.run_text, str(self.path))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its modalities, in declaration order."""
        return tuple(spec.name for spec in self.specs)

    @property
    def inputs(self) -> tuple[ModalitySpec, ...]:
        """The modalities meant as inputs, in declaration order."""
        return tuple(s for s in self.specs if self.input_modalities is None or s.name in self.input_modalities)


def card_of(model: nn.Module) -> ModelCard:
    """Return the card of a model that `load_model` returned.

    Raises:
        CheckpointError: the model has none.
    """
    card = getattr(model, "card", None)
    if not isinstance(card, ModelCard):
        raise CheckpointError(
            f"{type(model).__name__}: found no card, expected a model that load_model returned. "
            "Pass that model itself, not a part of it; for a model made by hand set model.card = ModelCard(...)."
        )
    return card
