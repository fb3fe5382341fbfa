"""What all objectives share: their settings, the check of the model, and losses in full precision."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.model import ModelOutput
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Alias, Precision


@dataclass
class Objective:
    """Settings that every objective has; fields as the factories document them.

    name: of the component, in messages.
    """

    name: str
    rank_microbatch_size: int
    optim_config: OptimizerRecipe
    scheduler: Schedule
    masking: Masking
    max_grad_norm: float | None
    autocast_precision: Precision
    regularizer: Loss | None
    reconstruction: Loss | None
    masking_b: Masking | None = None
    num_views: int = 1

    contrastive: Loss | None = None

    def __post_init__(self) -> None:
        """Refuse what no run can use.

        Raises:
            ConfigError: an empty micro-batch, or two parts of the loss that metrics could not tell apart.
        """
        if self.rank_microbatch_size < 1:
            raise ConfigError(
                f"{self.name}: rank_microbatch_size must be at least 1, found {self.rank_microbatch_size}."
            )
        parts = [part.name for part in (*self.bases()[:1], *self._added()) if part is not None]
        twice = sorted({name for name in parts if parts.count(name) > 1})
        if twice:
            raise ConfigError(
                f'{self.name}: two parts of the loss are called "{twice[0]}", so one would hide the other. Leave one '
                "out, or take losses of different names."
            )

    def bases(self) -> tuple[Loss, ...]:
        """Return the losses that compare predicted with target tokens."""
        raise NotImplementedError

    def attach(self, model: nn.Module) -> None:
        """Switch on the online encoder's band dropout; a target was copied before and keeps all bands.

        Raises:
            ConfigError: the model lacks a part that a loss needs.
        """
        switch_on = getattr(model.get_submodule("encoder"), "enable_band_dropout", None)
        if switch_on is not None:
            switch_on()
        if self.bases() and getattr(model, "decoder", model) is None:
            raise ConfigError(
                f"[train_module.loss] compares predicted tokens, but the {type(model).__name__} has no decoder. Add "
                "[model.decoder_config], or leave out [train_module.loss]."
            )
        if self.reconstruction is not None and getattr(model, "reconstructor", None) is None:
            raise ConfigError(
                f"[train_module.reconstruction] compares reconstructed pixels, but the {type(model).__name__} "
                "reconstructs none. Add [model.reconstructor_config], e.g. olmoearth.reconstructor.v1."
            )

    def before_step(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Change nothing."""
        return {}

    def output(self, model: nn.Module, view: Batch, patch_size: int) -> ModelOutput:
        """Run the model on one view; see `options`."""
        found: ModelOutput = model(view, patch_size=patch_size, **self.options(model))
        return found

    def options(self, model: nn.Module) -> dict[str, bool]:
        """Ask a model that can to compute only what losses look at: what has to be decoded."""
        everything = self.reconstruction is not None and not getattr(self.reconstruction, "only_decode", False)
        can = "full" in inspect.signature(type(model).forward).parameters
        return {"full": False} if can and not everything else {}

    def added_terms(
        self, outputs: Sequence[ModelOutput], views: Sequence[Batch], latents: Sequence[Tokens | Tensor | None]
    ) -> dict[str, Tensor]:
        """Return what is added to the base losses, as far as it is there: means over views, and the contrast of both.

        latents: what the regulariser looks at, of each view.
        """
        terms = {}
        if self.reconstruction is not None:
            pairs = zip(outputs, views, strict=True)
            values = [in_full_precision(self.reconstruction, out.reconstructed, view) for out, view in pairs]
            terms[self.reconstruction.name] = torch.stack(values).mean()
        if self.regularizer is not None:
            _require("regularizer", latents)
            values = [in_full_precision(self.regularizer, latent) for latent in latents]
            terms[self.regularizer.name] = torch.stack(values).mean()
        if self.contrastive is not None:
            pooled = [out.pooled for out in outputs]
            _require("contrastive", pooled)
            terms[self.contrastive.name] = in_full_precision(self.contrastive, *pooled)
        return terms

    def aliases(self) -> Mapping[str, Alias]:
        """The reference's names. The total is called like its losses, although it holds the contrastive one too."""
        named = (*self.bases(), self.regularizer, self.reconstruction)
        total = "+".join(part.name for part in named if part is not None)
        extra = [part.name for part in (self.contrastive, self.regularizer) if part is not None]
        return {"train/loss": f"train/{total}", **{f"train/loss/{name}": f"train/{name}" for name in extra}}

    def _added(self) -> tuple[Loss | None, ...]:
        return self.contrastive, self.regularizer, self.reconstruction


def in_full_precision(loss: Loss, predicted: Any, *target: Any) -> Tensor:
    """Call a loss in float32, whatever the precision around it."""
    one = predicted if isinstance(predicted, Tensor) else next(iter(predicted.tokens.values())) if predicted else None
    with torch.autocast(one.device.type if one is not None else "cpu", enabled=False):
        call: Any = loss
        value: Tensor = call(_full(predicted), *map(_full, target))
        return value


def _require(part: str, latents: Sequence[Tokens | Tensor | None]) -> None:
    if any(latent is None for latent in latents):
        raise ConfigError(
            f"[train_module.{part}] looks at pooled latents, but the model's encoder pools nothing. Take an encoder "
            f"that pools, or leave [train_module.{part}] out."
        )


def _full(x: Any) -> Any:
    halves = (torch.bfloat16, torch.float16)
    if isinstance(x, Tensor):
        return x.float() if x.dtype in halves else x
    if not isinstance(x, Tokens) or not any(t.dtype in halves for t in x.tokens.values()):
        return x
    return replace(x, tokens={name: t.float() for name, t in x.tokens.items()})
