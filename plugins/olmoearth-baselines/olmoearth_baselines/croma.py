"""CROMA (Fuller et al. 2023, arXiv 2311.00566), through TorchGeo.

One encoder for optical images, one for radar in decibel, and a third that joins them where both are there. It takes
values of mean -/+ 2 deviations brought to 0..1 and cut; it publishes no table, so the statistics are those of the
modalities' own specifications.
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
from olmoearth_baselines.prepare.scale import TwoDeviations
from olmoearth_baselines.prepare.statistics import measured
from olmoearth_core import modalities
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

INPUTS = {
    "sentinel2_l2a": Input(
        ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"), "reflectance_x10000"
    ),
    "sentinel1": Input(("vv", "vh"), "decibel"),
}
_WIDTHS = {"base": 768, "large": 1024}
_SIDE = 120


def croma(*, size: Literal["base", "large"] = "base", pretrained: bool = True) -> Wrapper:
    """CROMA on twelve optical bands, on radar, or on both.

    pretrained: false = random weights, for tests.
    """
    return _Croma(size, pretrained)


@dataclass
class _Croma:
    size: str
    pretrained: bool
    name: str = "baselines.croma.v1"
    licence: str = "MIT"
    source: str = field(init=False)
    needs: Needs = field(default_factory=lambda: Needs(INPUTS))

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/torchgeo/croma ({self.size})"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoders."""
        parts = package("torchgeo.models", extra="torchgeo", wrapper=self)
        model = made(lambda: self._made(parts), wrapper=self)
        sensors = {
            spec.name: Sensor(spec, (bands := INPUTS[spec.name].bands), TwoDeviations(*measured(spec, bands)))
            for spec in modalities(INPUTS)
        }
        return FrameEmbedder(
            placed(model, device), _WIDTHS[self.size], sensors, lambda images, dates: _patches(model, images),
            _SIDE, _SIDE, fused=True,
        )  # fmt: skip

    def _made(self, parts: Any) -> Any:
        weights = parts.CROMABase_Weights if self.size == "base" else parts.CROMALarge_Weights
        make = parts.croma_base if self.size == "base" else parts.croma_large
        return make(weights=weights.CROMA_VIT if self.pretrained else None, image_size=_SIDE)


def _patches(model: Any, images: Images) -> Patches:
    # Its own forward wants both sensors whenever it was made for both.
    radar, optical = images.get("sentinel1"), images.get("sentinel2_l2a")
    bias = model.attn_bias
    radar_NLD: Any = None if radar is None else model.s1_encoder(imgs=radar, attn_bias=bias)
    optical_NLD: Any = None if optical is None else model.s2_encoder(imgs=optical, attn_bias=bias)
    if radar_NLD is None or optical_NLD is None:
        return Patches(grid.square(optical_NLD if radar_NLD is None else radar_NLD))
    joint_NLD: Tensor = model.joint_encoder(x=radar_NLD, context=optical_NLD, relative_position_bias=bias)
    return Patches(grid.square(joint_NLD))
