"""DINOv3 (Simeoni et al. 2025, arXiv 2508.10104), through timm.

It sees colour pictures only: red, green and blue, with `white` shown at full brightness, then standardised as its
training images were. Features of a whole sample are the mean over patches.
"""

# N frames, L tokens, D width
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from olmoearth_baselines.prepare import grid
from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import FrameEmbedder, Images, Patches
from olmoearth_baselines.prepare.opening import made, package, placed
from olmoearth_baselines.prepare.scale import Chain, Range, Standardize
from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

BANDS = ("B04", "B03", "B02")
TRAINED_ON = {
    "web": ("lvd1689m", Standardize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
    "satellite": ("sat493m", Standardize((0.430, 0.411, 0.296), (0.213, 0.156, 0.143))),
}
_WIDTHS = {"small": 384, "base": 768, "large": 1024}
_SIDE = 256


def dinov3(
    *,
    images: Literal["satellite", "web"] = "satellite",
    size: Literal["small", "base", "large"] = "large",
    white: float = 3000.0,
    pretrained: bool = True,
) -> Wrapper:
    """DINOv3 vision transformers on red, green and blue.

    images: what it was trained on; satellite images gave a "large" one only. white: reflectance x 10000 that is shown
    at full brightness; its publisher gives none. pretrained: false = random weights, for tests.
    """
    if images == "satellite" and size != "large":
        raise ConfigError(f'dinov3: no weights of size "{size}" from satellite images. Use "large" or images = "web".')
    if white <= 0:
        raise ConfigError(f"dinov3: white must be above 0, found {white}.")
    return _DinoV3(images, size, white, pretrained)


@dataclass
class _DinoV3:
    images: str
    size: str
    white: float
    pretrained: bool
    name: str = "baselines.dinov3.v1"
    licence: str = "DINOv3 License (Meta; terms have to be read)"
    source: str = field(init=False)
    needs: Needs = field(default_factory=lambda: Needs({"sentinel2_l2a": Input(BANDS, "reflectance_x10000")}))

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/timm/{self._weights()}"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        timm = package("timm", extra="dinov3", wrapper=self)
        model = made(
            lambda: timm.create_model(self._weights(), pretrained=self.pretrained, num_classes=0), wrapper=self
        )
        (spec,) = modalities(self.needs.inputs)
        scale = Chain((Range((0.0,) * 3, (self.white,) * 3), TRAINED_ON[self.images][1]))
        return FrameEmbedder(
            placed(model, device), _WIDTHS[self.size], {spec.name: Sensor(spec, BANDS, scale)},
            lambda images, dates: _patches(model, images), _SIDE, _SIDE,
        )  # fmt: skip

    def _weights(self) -> str:
        return f"vit_{self.size}_patch16_dinov3.{TRAINED_ON[self.images][0]}"


def _patches(model: Any, images: Images) -> Patches:
    (values_NCHW,) = images.values()
    tokens_NLD: Tensor = model.forward_features(values_NCHW)
    return Patches(grid.square(tokens_NLD[:, model.num_prefix_tokens :]))
