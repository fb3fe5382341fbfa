"""Two views with losses and targets of their own, e.g. one global and one local task (Galileo, Tseng et al. 2025).

Loss of a micro-batch = (loss_a(view a) + loss_b(view b)) / 2 + contrastive(pooled a, pooled b), and, if they are
there, the means over both views of regularizer(pooled) and of reconstruction(pixels).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.model import ModelOutput
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Alias, Precision, TrainModule
from olmoearth_plugins.train_modules import exits
from olmoearth_plugins.train_modules.exits import TokenExits
from olmoearth_plugins.train_modules.moving_target import MovingTarget
from olmoearth_plugins.train_modules.objective import Objective, in_full_precision


def galileo(
    *,
    rank_microbatch_size: int,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    masking_b: Masking | None = None,
    loss: Loss,
    loss_b: Loss | None = None,
    contrastive: Loss | None = None,
    regularizer: Loss | None = None,
    reconstruction: Loss | None = None,
    max_grad_norm: float | None = 1.0,
    autocast_precision: Precision = "auto",
    token_exit_cfg_a: Mapping[str, int] | str | None = None,
    token_exit_cfg_b: Mapping[str, int] | str | None = None,
    ema_decay: Sequence[float] = (1.0, 1.0),
    reinit_targets: bool = False,
) -> TrainModule:
    """Latent prediction in two views, each with its own masking, loss, decoder and depth of targets.

    Needs a model that takes both views at once, such as olmoearth.galileo.v1.

    Args:
        rank_microbatch_size: samples per forward on one process; the global batch is a multiple of it.
        optim_config: the optimizer.
        scheduler: the learning rate over the run.
        masking: hides tokens of the first view.
        masking_b: hides those of the second view; null = as the first, with draws of its own.
        loss: compares predicted with target tokens of the first view.
        loss_b: compares those of the second view; null = as the first.
        contrastive: compares the pooled latents of both views; null = none.
        regularizer: looks at the pooled latents of one view, e.g. olmoearth.koleo.v1; null = none.
        reconstruction: compares reconstructed with true pixels, per view; null = none.
        max_grad_norm: longest gradient, L2 over all parameters; longer ones are scaled down. null = no limit.
        autocast_precision: "auto" = bfloat16 where the device has it. Losses always run in float32.
        token_exit_cfg_a: blocks of the target encoder that a modality's tokens pass in the first view, by modality;
            what is not named leaves after the patch projection (0). Or "zero", "half", "full", or "varied" (full, but
            0 for latlon and worldcover).
        token_exit_cfg_b: the same for the second view.
        ema_decay: decay of the target's moving average at the first and at the last step; [1, 1] = frozen target.
        reinit_targets: the target begins with weights of its own instead of the encoder's.

    Raises:
        ConfigError: a value outside its range.
    """
    exits.check("galileo: token_exit_cfg_a", token_exit_cfg_a)
    exits.check("galileo: token_exit_cfg_b", token_exit_cfg_b)
    return Galileo(
        name="galileo", rank_microbatch_size=rank_microbatch_size, optim_config=optim_config, scheduler=scheduler,
        masking=masking, masking_b=masking_b, num_views=2, contrastive=contrastive,
        losses=(loss, loss if loss_b is None else loss_b), regularizer=regularizer, reconstruction=reconstruction,
        max_grad_norm=max_grad_norm, autocast_precision=autocast_precision,
        token_exits=(token_exit_cfg_a, token_exit_cfg_b), target=MovingTarget.of("galileo", ema_decay, reinit_targets),
    )  # fmt: skip


@dataclass(kw_only=True)
class Galileo(Objective):
    """Two views; losses, token_exits: of the first and the second."""

    losses: tuple[Loss, Loss]
    token_exits: tuple[TokenExits, TokenExits]
    target: MovingTarget

    def bases(self) -> tuple[Loss, ...]:
        """Return the losses of both views."""
        return self.losses

    def attach(self, model: nn.Module) -> None:
        """Prepare model and target; see `Objective` and `MovingTarget`."""
        super().attach(model)
        if not hasattr(model, "decoder_b"):
            raise ConfigError(
                f"[train_module] galileo gives a model two views at once, but the {type(model).__name__} takes one. "
                "Take olmoearth.galileo.v1 as [model], or olmoearth.contrastive_latent_mim.v1 as [train_module]."
            )
        first, second = self.token_exits
        self.target.attach(model, token_exit_cfg_a=first, token_exit_cfg_b=second)

    def before_step(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Move the target."""
        return self.target.follow(model, step, max_steps)

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return half of each view's loss and what is added to them, of one micro-batch."""
        seed_view(0)
        found: Mapping[str, ModelOutput] = model(*batch.views, patch_size=batch.patch_size, **self.options(model))
        outputs = [found["a"], found["b"]]
        terms = {}
        for i, name in enumerate(self._names()):
            target = self.target.targets(model, batch, i, self.token_exits[i])
            terms[name] = in_full_precision(self.losses[i], outputs[i].decoded, target) / 2
        return terms | self.added_terms(outputs, batch.views, [output.pooled for output in outputs])

    def aliases(self) -> Mapping[str, Alias]:
        """The reference's names; a view's term is half its loss, the reference records the whole."""
        return {**super().aliases(), **{f"train/loss/{name}": (f"train/{name}", 2.0) for name in self._names()}}

    def _names(self) -> tuple[str, str]:
        maskings = (self.masking, self.masking if self.masking_b is None else self.masking_b)
        first, second = (f"{word(m)}_masking_{loss.name}" for m, loss in zip(maskings, self.losses, strict=True))
        return first, second if second != first else f"{second}_b"


def word(masking: Masking) -> str:
    """Return what metrics call a strategy: its name, or that of its class."""
    return str(getattr(masking, "name", "") or type(masking).__name__.replace("_", "").lower())
