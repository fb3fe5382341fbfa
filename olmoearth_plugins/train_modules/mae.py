"""Reconstruct the pixels of hidden patches, predict their latents, or both, in one masked view.

Loss of a micro-batch = reconstruction(pixels) + base(predicted, target) + regularizer(latent tokens), as far as they
are there. The targets of the base loss are what the online encoder itself makes of all pixels, without gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Loss, Tokens
from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.optim import OptimizerRecipe, Schedule
from olmoearth_core.interfaces.train_module import Alias, Precision, TrainModule
from olmoearth_plugins.train_modules import exits
from olmoearth_plugins.train_modules.exits import TokenExits
from olmoearth_plugins.train_modules.objective import Objective, in_full_precision


def mae(
    *,
    rank_microbatch_size: int,
    optim_config: OptimizerRecipe,
    scheduler: Schedule,
    masking: Masking,
    reconstruction: Loss | None = None,
    loss: Loss | None = None,
    regularizer: Loss | None = None,
    max_grad_norm: float | None = 1.0,
    autocast_precision: Precision = "auto",
    token_exit_cfg: Mapping[str, int] | str | None = None,
) -> TrainModule:
    """Masked autoencoding (He et al. 2022), perhaps with prediction of latents.

    Args:
        rank_microbatch_size: samples per forward on one process; the global batch is a multiple of it.
        optim_config: the optimizer.
        scheduler: the learning rate over the run.
        masking: hides tokens.
        reconstruction: compares reconstructed with true pixels, e.g. olmoearth.mae.v1; null = none.
        loss: compares predicted tokens with those of the online encoder; null = none.
        regularizer: looks at the latent tokens, e.g. olmoearth.koleo.v1; null = none.
        max_grad_norm: longest gradient, L2 over all parameters; longer ones are scaled down. null = no limit.
        autocast_precision: "auto" = bfloat16 where the device has it. Losses always run in float32.
        token_exit_cfg: for `loss`: blocks of the encoder that a modality's tokens pass, by modality; what is not named
            leaves after the patch projection (0). Or "zero", "half", "full", or "varied" (full, but 0 for latlon and
            worldcover).

    Raises:
        ConfigError: neither reconstruction nor loss, or a value outside its range.
    """
    if reconstruction is None and loss is None:
        raise ConfigError(
            "mae: there is nothing to minimise. Set [train_module.reconstruction], e.g. olmoearth.mae.v1, or "
            "[train_module.loss]."
        )
    exits.check("mae: token_exit_cfg", token_exit_cfg)
    return MAE(
        name="mae", rank_microbatch_size=rank_microbatch_size, optim_config=optim_config, scheduler=scheduler,
        masking=masking, reconstruction=reconstruction, loss=loss, regularizer=regularizer,
        max_grad_norm=max_grad_norm, autocast_precision=autocast_precision, token_exit_cfg=token_exit_cfg,
    )  # fmt: skip


@dataclass(kw_only=True)
class MAE(Objective):
    """One view; fields as the factory documents them."""

    loss: Loss | None
    token_exit_cfg: TokenExits

    def bases(self) -> tuple[Loss, ...]:
        """Return the latent loss, if there is one."""
        return () if self.loss is None else (self.loss,)

    def attach(self, model: nn.Module) -> None:
        """Prepare the model; see `Objective`."""
        super().attach(model)
        exits.check_against("[train_module] token_exit_cfg", self.token_exit_cfg, model.get_submodule("encoder"))

    def terms(self, model: nn.Module, batch: TrainBatch, *, seed_view: Callable[[int], None]) -> dict[str, Tensor]:
        """Return the terms of one micro-batch."""
        seed_view(0)
        output = self.output(model, batch.views[0], batch.patch_size)
        terms = {}
        if self.loss is not None:
            terms[self.loss.name] = in_full_precision(self.loss, output.decoded, self._targets(model, batch))
        return terms | self.added_terms([output], batch.views, [output.latent])

    @torch.no_grad()
    def _targets(self, model: nn.Module, batch: TrainBatch) -> Tokens:
        encoder = model.get_submodule("encoder")
        depths = exits.resolve(self.token_exit_cfg, batch.layout.names, encoder)
        with _evaluating(encoder):
            found: Tokens = encoder(batch.views[0].unmask(), patch_size=batch.patch_size, token_exits=depths)
        return found

    def aliases(self) -> Mapping[str, Alias]:
        """The reference's names: pixels first, unlike elsewhere."""
        parts = (self.reconstruction, self.loss, self.regularizer)
        total = "+".join(part.name for part in parts if part is not None)
        return {**super().aliases(), "train/loss": f"train/{total}"}


@contextmanager
def _evaluating(encoder: nn.Module) -> Iterator[None]:
    """Leave out dropout of blocks and bands: a target should be what the pixels say."""
    training = encoder.training
    encoder.eval()
    try:
        yield
    finally:
        encoder.train(training)
