"""TerraMind 1.0 (Jakubik et al. 2025, arXiv 2504.11171), through TerraTorch.

Optical and radar images of one date go through the encoder together, which averages their patch tokens. Radar was
trained on as terrain-corrected backscatter in decibel.
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
from olmoearth_baselines.prepare.scale import Standardize
from olmoearth_core import modalities
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

OPTICAL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
SCALES = {
    "sentinel2_l2a": Standardize(
        (1390.458, 1503.317, 1718.197, 1853.91, 2199.1, 2779.975, 2987.011, 3083.234, 3132.22, 3162.988, 2424.884,
         1857.648),
        (2106.761, 2141.107, 2038.973, 2134.138, 2085.321, 1889.926, 1820.257, 1871.918, 1753.829, 1797.379, 1434.261,
         1334.311),
    ),
    "sentinel1": Standardize((-10.93, -17.329), (4.391, 4.459)),
}  # fmt: skip
_NAMES = {"sentinel2_l2a": "S2L2A", "sentinel1": "S1RTC"}
_WIDTHS = {"base": 768, "large": 1024}
_SIDE = 224


def terramind(*, size: Literal["base", "large"] = "base", pretrained: bool = True) -> Wrapper:
    """TerraMind 1.0 on twelve optical bands, on radar, or on both.

    pretrained: false = random weights, for tests.
    """
    return _TerraMind(size, pretrained)


@dataclass
class _TerraMind:
    size: str
    pretrained: bool
    name: str = "baselines.terramind.v1"
    licence: str = "Apache-2.0"
    source: str = field(init=False)
    needs: Needs = field(
        default_factory=lambda: Needs(
            {
                "sentinel2_l2a": Input(OPTICAL, "reflectance_x10000"),
                "sentinel1": Input(("vv", "vh"), "decibel"),
            }
        )
    )

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/ibm-esa-geospatial/TerraMind-1.0-{self.size}"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        registry = package("terratorch.registry", extra="terratorch", wrapper=self).BACKBONE_REGISTRY
        name, inputs = f"terramind_v1_{self.size}", list(_NAMES.values())
        model = made(lambda: registry.build(name, pretrained=self.pretrained, modalities=inputs), wrapper=self)
        sensors = {
            spec.name: Sensor(spec, self.needs.inputs[spec.name].bands, SCALES[spec.name])
            for spec in modalities(self.needs.inputs)
        }
        return FrameEmbedder(
            placed(model, device), _WIDTHS[self.size], sensors, lambda images, dates: _patches(model, images),
            _SIDE, _SIDE, fused=True,
        )  # fmt: skip


def _patches(model: Any, images: Images) -> Patches:
    tokens_NLD: Tensor = model({_NAMES[name]: values for name, values in images.items()})[-1]
    return Patches(grid.square(tokens_NLD))
