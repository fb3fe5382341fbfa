"""Predict the latents of hidden tokens in one masked view.

Loss of a micro-batch = base(predicted, target), and, if they are there, regularizer(latent tokens) and
reconstruction(pixels). It costs about half of what two views do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.interfaces.loss import Loss
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Precision, TrainModule
from olmoearth_plugins.train_modules import exits
from olmoearth_plugins.train_modules.exits import TokenExits
from olmoearth_plugins.train_modules.moving_target import MovingTarget
from olmoearth_plugins.train_modules.objective import Objective, in_full_precision


def latent_mim(
    *,
    rank_microbatch_size: int,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    loss: Loss,
    regularizer: Loss | None = None,
    reconstruction: Loss | None = None,
    max_grad_norm: float | None = 1.0,
    autocast_precision: Precision = "auto",
    token_exit_cfg: Mapping[str, int] | str | None = None,
    ema_decay: Sequence[float] = (1.0, 1.0),
    reinit_targets: bool = False,
) -> TrainModule:
    """Latent masked image modelling with one masked view.

    Args:
        rank_microbatch_size: samples per forward on one process; the global batch is a multiple of it.
        optim_config: the optimizer.
        scheduler: the learning rate over the run.
        masking: hides tokens.
        loss: compares predicted with target tokens.
        regularizer: looks at the latent tokens, e.g. olmoearth.koleo.v1; null = none.
        reconstruction: compares reconstructed with true pixels; null = none.
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
    exits.check("latent_mim: token_exit_cfg", token_exit_cfg)
    return LatentMIM(
        name="latent_mim", rank_microbatch_size=rank_microbatch_size, optim_config=optim_config, scheduler=scheduler,
        masking=masking, loss=loss, regularizer=regularizer, reconstruction=reconstruction,
        max_grad_norm=max_grad_norm, autocast_precision=autocast_precision, token_exit_cfg=token_exit_cfg,
        target=MovingTarget.of("latent_mim", ema_decay, reinit_targets),
    )  # fmt: skip


@dataclass(kw_only=True)
class LatentMIM(Objective):
    """Latents of hidden tokens against those of the target; fields as the factory documents them."""

    loss: Loss
    token_exit_cfg: TokenExits
    target: MovingTarget

    def bases(self) -> tuple[Loss, ...]:
        """Return the one loss."""
        return (self.loss,)

    def attach(self, model: nn.Module) -> None:
        """Prepare model and target; see `Objective` and `MovingTarget`."""
        super().attach(model)
        self.target.attach(model, token_exit_cfg=self.token_exit_cfg)

    def before_step(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Move the target."""
        return self.target.follow(model, step, max_steps)

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return the base loss and what is added to it, of one micro-batch."""
        seed_view(0)
        output = self.output(model, batch.views[0], batch.patch_size)
        target = self.target.targets(model, batch, 0, self.token_exit_cfg)
        terms = {self.loss.name: in_full_precision(self.loss, output.decoded, target)}
        return terms | self.added_terms([output], batch.views, [output.latent])
