"""SatlasPretrain (Bastani et al. 2023, arXiv 2211.15660), through satlaspretrain-models.

Its images are top-of-atmosphere: a true-colour rendering, which ESA saturates at a reflectance of 0.3558, and six
further bands over 8160 (github.com/allenai/satlas, Normalization.md). Landsat is Level-1 digital numbers. Its radar
weights want raw 8-bit amplitudes, which cannot be made of calibrated decibels: radar is not offered.
"""

# N frames, D width
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import FrameEmbedder, Images, Patches
from olmoearth_baselines.prepare.opening import made, package, placed
from olmoearth_baselines.prepare.scale import Range
from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

OPTICAL = ("B04", "B03", "B02", "B05", "B06", "B07", "B08", "B11", "B12")
OPTICAL_RANGE = Range((0.0,) * 9, (3558.0,) * 3 + (8160.0,) * 6)
LANDSAT = tuple(f"B{number}" for number in range(1, 12))
LANDSAT_RANGE = Range((4000.0,) * 11, (20320.0,) * 11)
_WIDTHS = {"base": 1024, "tiny": 768}
_SIDE, _STRIDE = 256, 32


def satlas(
    *,
    modality: Literal["sentinel2_l2a", "sentinel2", "landsat"] = "sentinel2_l2a",
    size: Literal["base", "tiny"] = "base",
    pretrained: bool = True,
) -> Wrapper:
    """SatlasPretrain Swin transformers for single images, on nine optical or eleven Landsat bands.

    modality: the weights are others for each sensor; the optical ones saw `sentinel2`, top of the atmosphere.
    size: Landsat has "base" only. pretrained: false = random weights, for tests.
    """
    if modality == "landsat" and size != "base":
        raise ConfigError(f'satlas: there are no weights of size "{size}" for landsat. Expected size = "base".')
    given = Input(LANDSAT, "digital_number") if modality == "landsat" else Input(OPTICAL, "reflectance_x10000")
    return _Satlas(modality, size, pretrained, Needs({modality: given}))


@dataclass
class _Satlas:
    modality: str
    size: str
    pretrained: bool
    needs: Needs
    name: str = "baselines.satlas.v1"
    licence: str = "ODC-BY-1.0"
    source: str = field(init=False)

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/allenai/satlas-pretrain ({self._weights()})"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the backbone."""
        parts = package("satlaspretrain_models", extra="satlas", wrapper=self)
        model = made(lambda: self._made(parts), wrapper=self)
        (spec,) = modalities([self.modality])
        scale = LANDSAT_RANGE if self.modality == "landsat" else OPTICAL_RANGE
        sensor = Sensor(spec, self.needs.inputs[self.modality].bands, scale)
        return FrameEmbedder(
            placed(model, device), _WIDTHS[self.size], {self.modality: sensor},
            lambda images, dates: _patches(model, images), _SIDE, _STRIDE,
        )  # fmt: skip

    def _weights(self) -> str:
        if self.modality == "landsat":
            return "Landsat_SwinB_SI"
        return f"Sentinel2_Swin{self.size[0].upper()}_SI_MS"

    def _made(self, parts: Any) -> Any:
        if self.pretrained:
            return parts.Weights().get_pretrained_model(self._weights(), fpn=False, device="cpu")
        backbone = parts.Backbone.SWINB if self.size == "base" else parts.Backbone.SWINT
        return parts.Model(num_channels=len(self.needs.inputs[self.modality].bands), backbone=backbone)


def _patches(model: Any, images: Images) -> Patches:
    (values_NCHW,) = images.values()
    deepest_NDhw: Tensor = model(values_NCHW)[-1]
    return Patches(deepest_NDhw.movedim(1, -1))
