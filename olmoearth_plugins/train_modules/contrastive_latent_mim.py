"""Predict the latents of hidden tokens in two views of the same pixels, and pull the views' pooled latents together.

Loss of a micro-batch = (base(view a) + base(view b)) / 2 + contrastive(pooled a, pooled b).
The targets come from `model.target_encoder`, a frozen or slowly moving copy that sees everything that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.model import ModelOutput
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Precision, TrainModule


def contrastive_latent_mim(
    *,
    rank_microbatch_size: int,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    masking_b: Masking | None = None,
    loss: Loss,
    contrastive: Loss | None = None,
    max_grad_norm: float | None = 1.0,
    autocast_precision: Precision = "auto",
    token_exit_cfg: dict[str, int] | None = None,
    ema_decay: Sequence[float] = (1.0, 1.0),
) -> TrainModule:
    """Contrastive latent masked image modelling with two masked views.

    Args:
        rank_microbatch_size: samples per forward on one process; the global batch is a multiple of it.
        optim_config: the optimizer.
        scheduler: the learning rate over the run.
        masking: hides tokens of both views, each with draws of its own.
        masking_b: another strategy for the second view; null = the same.
        loss: compares predicted with target tokens, per view.
        contrastive: compares the pooled latents of both views; null = none.
        max_grad_norm: longest gradient, L2 over all parameters; longer ones are scaled down. null = no limit.
        autocast_precision: "auto" = bfloat16 where the device has it. Losses always run in float32.
        token_exit_cfg: blocks of the target encoder that a modality's tokens pass, by modality; what is not named
            leaves after the patch projection (0).
        ema_decay: decay of the target's moving average at the first and at the last step; [1, 1] = frozen target.

    Raises:
        ConfigError: a value outside its range.
    """
    if len(ema_decay) != 2 or not all(0 <= d <= 1 for d in ema_decay):
        raise ConfigError(f"contrastive_latent_mim: ema_decay is two numbers in [0, 1], found {list(ema_decay)}.")
    if rank_microbatch_size < 1:
        raise ConfigError(
            f"contrastive_latent_mim: rank_microbatch_size must be at least 1, found {rank_microbatch_size}."
        )
    return _ContrastiveLatentMIM(
        rank_microbatch_size=rank_microbatch_size, optim_config=optim_config, scheduler=scheduler, masking=masking,
        masking_b=masking_b, loss=loss, contrastive=contrastive, max_grad_norm=max_grad_norm,
        autocast_precision=autocast_precision, token_exit_cfg=dict(token_exit_cfg or {}),
        ema_decay=(ema_decay[0], ema_decay[1]),
    )  # fmt: skip


@dataclass
class _ContrastiveLatentMIM:
    rank_microbatch_size: int
    optim_config: OptimizerRecipe
    scheduler: Schedule
    masking: Masking
    masking_b: Masking | None
    loss: Loss
    contrastive: Loss | None
    max_grad_norm: float | None
    autocast_precision: Precision
    token_exit_cfg: dict[str, int]
    ema_decay: tuple[float, float]
    num_views: int = 2

    @property
    def moves_target(self) -> bool:
        """Whether the target follows the encoder."""
        return self.ema_decay != (1.0, 1.0)

    def attach(self, model: nn.Module) -> None:
        """Switch on the online encoder's band dropout; the target was copied before and keeps all bands."""
        encoder, target = model.get_submodule("encoder"), model.get_submodule("target_encoder")
        switch_on = getattr(encoder, "enable_band_dropout", None)
        if switch_on is not None:
            switch_on()
        if self.moves_target and len(_weights(encoder)) != len(_weights(target)):
            raise ConfigError(
                f"[train_module] ema_decay = {list(self.ema_decay)} moves the whole target encoder, but the model's "
                "target keeps only the projection. Set it to [1.0, 1.0], or take olmoearth.frozen_encoder.v1 as target."
            )

    @torch.no_grad()
    def before_step(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Move the target towards the encoder by a decay that grows linearly over the run."""
        if not self.moves_target:
            return {}
        start, end = self.ema_decay
        decay = start + step * (end - start) / max_steps
        encoder, target = model.get_submodule("encoder"), model.get_submodule("target_encoder")
        torch._foreach_lerp_(_weights(target), _weights(encoder), 1 - decay)
        return {"train/ema_decay": decay}

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return the base loss (mean of both views) and the contrastive loss of one micro-batch."""
        outputs, target, base = [], None, []
        for i, view in enumerate(batch.views):
            seed_view(i)
            output: ModelOutput = model(view, patch_size=batch.patch_size)
            if target is None or not _same_tokens_exist(batch):
                target = self._target(model, batch, i)
            base.append(_outside_autocast(self.loss, output.decoded, target))
            outputs.append(output)
        terms = {self.loss.name: torch.stack(base).mean()}
        if self.contrastive is not None:
            pooled = [output.pooled for output in outputs]
            terms[self.contrastive.name] = _outside_autocast(self.contrastive, *pooled)
        return terms

    @torch.no_grad()
    def _target(self, model: nn.Module, batch: TrainBatch, view: int) -> Tokens:
        exits = {name: self.token_exit_cfg.get(name, 0) for name in batch.layout.names}
        everything = batch.views[view].unmask()
        encoder = model.get_submodule("target_encoder")
        found: Tokens = encoder(everything, patch_size=batch.patch_size, token_exits=exits)
        return found

    def aliases(self) -> Mapping[str, str]:
        """The reference's names: the total is called like the base loss although it holds the contrastive term too."""
        names = {"train/loss": f"train/{self.loss.name}"}
        if self.contrastive is not None:
            names[f"train/loss/{self.contrastive.name}"] = f"train/{self.contrastive.name}"
        return names


def _weights(module: nn.Module) -> list[Tensor]:
    return [p.detach() for p in module.parameters()]


def _same_tokens_exist(batch: TrainBatch) -> bool:
    """Whether all views unmask to the same thing.

    Masks say "missing" only where presence does, and a strategy that hides more hides whole modalities of a sample
    (both are its contract), so equal numbers of present tokens per sample and modality mean equal masks; the device
    is not asked.
    """
    first, *others = batch.counts
    return first is not None and all(c is not None and c.present == first.present for c in others)


def _outside_autocast(loss: Loss, predicted: Tokens | Tensor | None, target: Tokens | Tensor | None) -> Tensor:
    one = predicted if isinstance(predicted, Tensor) else next(iter(predicted.tokens.values())) if predicted else None
    with torch.autocast(one.device.type if one is not None else "cpu", enabled=False):
        return loss(_full_precision(predicted), _full_precision(target))


def _full_precision(x: Tokens | Tensor | None) -> Tokens | Tensor | None:
    halves = (torch.bfloat16, torch.float16)
    if isinstance(x, Tensor):
        return x.float() if x.dtype in halves else x
    if x is None or not any(t.dtype in halves for t in x.tokens.values()):
        return x
    return replace(x, tokens={name: t.float() for name, t in x.tokens.items()})
