"""Prithvi-EO-2.0 (Szwarcman et al. 2024, arXiv 2412.02732), through TerraTorch.

It was trained on harmonised surface reflectance x 10000 of up to four dates. The visible dates of a sample are shown to
it at once; its class token is dropped and patch tokens are averaged over time.
"""

# N samples, C bands, T steps, h w patches, L tokens, D width
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import SeriesEmbedder
from olmoearth_baselines.prepare.opening import made, package, placed
from olmoearth_baselines.prepare.scale import Standardize
from olmoearth_core import modalities
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

MEAN = (1087.0, 1342.0, 1433.0, 2734.0, 1958.0, 1363.0)
STD = (2248.0, 2179.0, 2178.0, 1850.0, 1242.0, 1049.0)
_NAMES = ("BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2")
_WIDTHS = {"300m": 1024, "600m": 1280}
_PATCHES = {"300m": 16, "600m": 14}
_SIDE = 224


def prithvi(
    *, size: Literal["300m", "600m"] = "300m", near_infrared: Literal["B8A", "B08"] = "B8A", pretrained: bool = True
) -> Wrapper:
    """Prithvi-EO-2.0 with 300 or 600 million weights, on six bands of surface reflectance.

    near_infrared: the band it is given as "narrow near infrared"; B8A is the one of its training data.
    pretrained: false = random weights, for tests.
    """
    bands = ("B02", "B03", "B04", near_infrared, "B11", "B12")
    return _Prithvi(size, pretrained, Needs({"sentinel2_l2a": Input(bands, "reflectance_x10000")}))


@dataclass
class _Prithvi:
    size: str
    pretrained: bool
    needs: Needs
    name: str = "baselines.prithvi.v1"
    licence: str = "Apache-2.0"
    source: str = field(init=False)

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/ibm-nasa-geospatial/Prithvi-EO-2.0-{self.size.upper()}"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        registry = package("terratorch.registry", extra="terratorch", wrapper=self).BACKBONE_REGISTRY
        name = f"prithvi_eo_v2_{self.size.removesuffix('m')}"
        model = made(
            lambda: registry.build(name, pretrained=self.pretrained, bands=list(_NAMES), num_frames=1), wrapper=self
        )
        (spec,) = modalities(self.needs.inputs)
        sensor = Sensor(spec, self.needs.inputs[spec.name].bands, Standardize(MEAN, STD))
        patch = _PATCHES[self.size]
        return SeriesEmbedder(
            placed(model, device),
            _WIDTHS[self.size],
            sensor,
            lambda images: _patches(model, images, patch),
            _SIDE,
            patch,
        )


def _patches(model: Any, images_NCTHW: Tensor, patch: int) -> Tensor:
    steps, side = images_NCTHW.shape[2], images_NCTHW.shape[-1] // patch
    tokens_NLD = model(images_NCTHW)[-1][:, 1:]
    grid_NThwD: Tensor = tokens_NLD.unflatten(1, (steps, side, side))
    return grid_NThwD.mean(1)
