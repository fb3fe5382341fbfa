"""DOFA (Xiong et al. 2024, arXiv 2403.15356), through TorchGeo.

A hypernetwork makes its first layer from wavelengths. It was trained on the 8-bit images of SatlasPretrain: a
true-colour rendering saturated at a reflectance of 0.3558, and other bands over 8160; then standardised with the
statistics of its own demo. Its radar input is 8-bit amplitude, which decibels are not: radar is not offered.
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
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

BANDS = ("B04", "B03", "B02", "B05", "B06", "B07", "B08", "B11", "B12")
WAVELENGTHS = (0.665, 0.56, 0.49, 0.705, 0.74, 0.783, 0.842, 1.61, 2.19)
MEAN_8BIT = (114.1099739, 114.81779093, 126.63977424, 84.33539309, 97.84789168, 103.94461911, 101.435633, 72.32804172,
             56.66528851)  # fmt: skip
STD_8BIT = (77.84352553, 69.96844919, 67.42465279, 64.57022983, 61.72545487, 61.34187099, 60.29744676, 47.88519516,
            42.55886798)  # fmt: skip
SCALE = Chain(
    (
        Range((0.0,) * 9, (3558.0,) * 3 + (8160.0,) * 6),
        Standardize(tuple(m / 255 for m in MEAN_8BIT), tuple(s / 255 for s in STD_8BIT)),
    )
)
_WIDTHS = {"base": 768, "large": 1024}
_SIDE = 224


def dofa(
    *,
    modality: Literal["sentinel2_l2a", "sentinel2"] = "sentinel2_l2a",
    size: Literal["base", "large"] = "base",
    pretrained: bool = True,
) -> Wrapper:
    """DOFA on nine optical bands with their wavelengths.

    modality: its training images are `sentinel2`, top of the atmosphere. pretrained: false = random, for tests.
    """
    return _Dofa(modality, size, pretrained, Needs({modality: Input(BANDS, "reflectance_x10000")}))


@dataclass
class _Dofa:
    modality: str
    size: str
    pretrained: bool
    needs: Needs
    name: str = "baselines.dofa.v1"
    licence: str = "CC-BY-4.0"
    source: str = field(init=False)

    def __post_init__(self) -> None:
        self.source = f"https://huggingface.co/torchgeo/dofa ({self.size})"

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        parts = package("torchgeo.models", extra="torchgeo", wrapper=self)
        model = made(lambda: self._made(parts), wrapper=self)
        (spec,) = modalities([self.modality])
        return FrameEmbedder(
            placed(model, device), _WIDTHS[self.size], {self.modality: Sensor(spec, BANDS, SCALE)},
            lambda images, dates: _patches(model, images), _SIDE, _SIDE,
        )  # fmt: skip

    def _made(self, parts: Any) -> Any:
        weights = parts.DOFABase16_Weights if self.size == "base" else parts.DOFALarge16_Weights
        make = parts.dofa_base_patch16_224 if self.size == "base" else parts.dofa_large_patch16_224
        return make(weights=weights.DOFA_MAE if self.pretrained else None, num_classes=0)


def _patches(model: Any, images: Images) -> Patches:
    """Run the encoder up to the tokens, which its own forward averages away."""
    (values_NCHW,) = images.values()
    waves = values_NCHW.new_tensor(WAVELENGTHS)
    tokens_NLD, _ = model.patch_embed(values_NCHW, waves)
    tokens_NLD = tokens_NLD + model.pos_embed[:, 1:]
    cls_N1D = (model.cls_token + model.pos_embed[:, :1]).expand(len(tokens_NLD), -1, -1)
    tokens_NLD = torch.cat([cls_N1D, tokens_NLD], 1)
    for block in model.blocks:
        tokens_NLD = block(tokens_NLD)
    patches_NLD: Tensor = tokens_NLD[:, 1:]
    # As in its own forward: the norm belongs to the mean of the patches, where there is one.
    return Patches(grid.square(model.fc_norm(patches_NLD)), model.fc_norm(patches_NLD.mean(1)))
