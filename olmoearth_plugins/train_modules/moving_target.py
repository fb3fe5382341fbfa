"""Where the targets of latent prediction come from: `model.target_encoder`, frozen or following the online encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from olmoearth_core.data.sample import TrainBatch
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.loss import Tokens
from olmoearth_plugins.train_modules import exits
from olmoearth_plugins.train_modules.exits import TokenExits


@dataclass(frozen=True)
class MovingTarget:
    """ema_decay: decay of the moving average at the first and the last step; (1, 1) = the target stays what it was.

    reinit: give the target weights of its own before the first step.
    """

    ema_decay: tuple[float, float]
    reinit: bool = False

    @classmethod
    def of(cls, where: str, ema_decay: Sequence[float], reinit: bool) -> MovingTarget:
        """Check and keep the settings.

        Raises:
            ConfigError: something else than two numbers in [0, 1].
        """
        if len(ema_decay) != 2 or not all(0 <= d <= 1 for d in ema_decay):
            raise ConfigError(f"{where}: ema_decay is two numbers in [0, 1], found {list(ema_decay)}.")
        return cls((ema_decay[0], ema_decay[1]), reinit)

    @property
    def moves(self) -> bool:
        """Whether the target follows the encoder."""
        return self.ema_decay != (1.0, 1.0)

    def attach(self, model: nn.Module, **token_exits: TokenExits) -> None:
        """Check that the model has such a target, and draw its weights anew if asked to.

        token_exits: by the name of their option.

        Raises:
            ConfigError: no target, exits deeper than it is, or a target that cannot follow.
        """
        target = getattr(model, "target_encoder", None)
        if not isinstance(target, nn.Module):
            raise ConfigError(
                f"[train_module] predicts latents of a target encoder, but the {type(model).__name__} has none. Take a "
                "model with a target, or another objective."
            )
        for option, asked in token_exits.items():
            exits.check_against(f"[train_module] {option}", asked, target)
        if self.moves and len(_weights(model.get_submodule("encoder"))) != len(_weights(target)):
            raise ConfigError(
                f"[train_module] ema_decay = {list(self.ema_decay)} moves the whole target encoder, but the model's "
                "target keeps only the projection. Set it to [1.0, 1.0], or take olmoearth.frozen_encoder.v1 as target."
            )
        if self.reinit:
            shuffle(target, model.get_submodule("encoder"))

    @torch.no_grad()
    def follow(self, model: nn.Module, step: int, max_steps: int) -> Mapping[str, float]:
        """Move the target towards the encoder by a decay that changes linearly over the run."""
        if not self.moves:
            return {}
        start, end = self.ema_decay
        decay = start + step * (end - start) / max_steps
        target, encoder = model.get_submodule("target_encoder"), model.get_submodule("encoder")
        torch._foreach_lerp_(_weights(target), _weights(encoder), 1 - decay)
        return {"train/ema_decay": decay}

    @torch.no_grad()
    def targets(
        self, model: nn.Module, batch: TrainBatch, view: int, token_exits: TokenExits, *, full: bool = False
    ) -> Tokens:
        """Return what the predictions of one view are compared with.

        full: false = a model that can may leave out what the view does not predict; true = all that is there, which
            serves other views too.
        """
        encoder, pixels = model.get_submodule("target_encoder"), batch.views[view]
        depths = exits.resolve(token_exits, batch.layout.names, encoder)
        of_model = getattr(model, "targets", None)
        found: Tokens
        if full or of_model is None:
            found = encoder(pixels.unmask(), patch_size=batch.patch_size, token_exits=depths)
        else:
            found = of_model(pixels, batch.patch_size, token_exits=depths)
        return found


@torch.no_grad()
def shuffle(target: nn.Module, encoder: nn.Module) -> None:
    """Put the numbers of each trained weight in another random order: as good as fresh ones, at the same scale.

    What the encoder does not train is no random number but a fixed table, and stays.
    """
    trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    for name, parameter in target.named_parameters():
        if name in trained:
            order = torch.randperm(parameter.numel()).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))


def same_tokens_exist(batch: TrainBatch) -> bool:
    """Whether all views unmask to the same thing.

    Masks say "missing" only where presence does, and a strategy that hides more hides whole modalities of a sample
    (both are its contract), so equal numbers of present tokens per sample and modality mean equal masks; the device
    is not asked.
    """
    first, *others = batch.counts
    return first is not None and all(c is not None and c.present == first.present for c in others)


def _weights(module: nn.Module) -> list[Tensor]:
    return [p.detach() for p in module.parameters()]
