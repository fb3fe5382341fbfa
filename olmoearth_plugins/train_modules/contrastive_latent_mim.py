"""Predict the latents of hidden tokens in two views of the same pixels, and pull the views' pooled latents together.

Loss of a micro-batch = (base(view a) + base(view b)) / 2 + contrastive(pooled a, pooled b), and, if they are there,
the means over both views of regularizer(pooled) and of reconstruction(pixels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.model import ModelOutput
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Precision, TrainModule
from olmoearth_plugins.train_modules import exits
from olmoearth_plugins.train_modules.latent_mim import LatentMIM
from olmoearth_plugins.train_modules.moving_target import MovingTarget, same_tokens_exist
from olmoearth_plugins.train_modules.objective import in_full_precision


def contrastive_latent_mim(
    *,
    rank_microbatch_size: int,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    masking_b: Masking | None = None,
    loss: Loss,
    contrastive: Loss | None = None,
    regularizer: Loss | None = None,
    reconstruction: Loss | None = None,
    max_grad_norm: float | None = 1.0,
    autocast_precision: Precision = "auto",
    token_exit_cfg: Mapping[str, int] | str | None = None,
    ema_decay: Sequence[float] = (1.0, 1.0),
    reinit_targets: bool = False,
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
        regularizer: looks at the pooled latents of one view, e.g. olmoearth.koleo.v1; null = none.
        reconstruction: compares reconstructed with true pixels, per view; null = none.
        max_grad_norm: longest gradient, L2 over all parameters; longer ones are scaled down. null = no limit.
        autocast_precision: "auto" = bfloat16 where the device has it. Losses always run in float32.
        token_exit_cfg: blocks of the target encoder that a modality's tokens pass, by modality; what is not named
            leaves after the patch projection (0). Or "zero", "half", "full", or "varied" (full, but 0 for latlon and
            worldcover).
        ema_decay: decay of the target's moving average at the first and at the last step; [1, 1] = frozen target.
        reinit_targets: the target begins with weights of its own instead of the encoder's.

    Raises:
        ConfigError: a value outside its range.
    """
    exits.check("contrastive_latent_mim: token_exit_cfg", token_exit_cfg)
    return ContrastiveLatentMIM(
        name="contrastive_latent_mim", rank_microbatch_size=rank_microbatch_size, optim_config=optim_config,
        scheduler=scheduler, masking=masking, masking_b=masking_b, num_views=2, loss=loss, contrastive=contrastive,
        regularizer=regularizer, reconstruction=reconstruction, max_grad_norm=max_grad_norm,
        autocast_precision=autocast_precision, token_exit_cfg=token_exit_cfg,
        target=MovingTarget.of("contrastive_latent_mim", ema_decay, reinit_targets),
    )  # fmt: skip


class ContrastiveLatentMIM(LatentMIM):
    """Two views; fields as the factory documents them."""

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return the base loss (mean of the views) and what is added to it, of one micro-batch."""
        shared = same_tokens_exist(batch)
        outputs: list[ModelOutput] = []
        target: Tokens | None = None
        base = []
        for i, view in enumerate(batch.views):
            seed_view(i)
            outputs.append(self.output(model, view, batch.patch_size))
            if target is None or not shared:
                target = self.target.targets(model, batch, i, self.token_exit_cfg, full=shared)
            base.append(in_full_precision(self.loss, outputs[-1].decoded, target))
        terms = {self.loss.name: torch.stack(base).mean()}
        return terms | self.added_terms(outputs, batch.views, [output.pooled for output in outputs])
