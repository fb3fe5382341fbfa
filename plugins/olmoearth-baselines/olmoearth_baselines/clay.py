"""Clay v1.5 (Clay Foundation, 2024), through the encoder in TerraTorch.

Every modality goes through the encoder by itself, with wavelengths and the ground size of a pixel beside it. Radar was
trained on in linear power, so decibels are turned back. The week of the year is given, the hour and the place are
not: Clay was trained with those left out now and then. The class token is the feature of a whole sample.
"""

# N frames, C bands, L tokens, D width
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from olmoearth_baselines.prepare import grid
from olmoearth_baselines.prepare.calendar import week_of_year
from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import FrameEmbedder, Images, Patches
from olmoearth_baselines.prepare.opening import made, package, placed
from olmoearth_baselines.prepare.radar import power_of_decibel
from olmoearth_baselines.prepare.scale import Chain, Scale, Standardize
from olmoearth_core import modalities
from olmoearth_core.errors import CheckpointError
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

# configs/metadata.yaml of github.com/Clay-foundation/model: bands, means, deviations, wavelengths in micrometres and
# metres per pixel of each sensor.
INPUTS = {
    "sentinel2_l2a": Input(
        ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"), "reflectance_x10000"
    ),
    "sentinel1": Input(("vv", "vh"), "decibel"),
    "landsat": Input(("B4", "B3", "B2", "B5", "B6", "B7"), "digital_number"),
}
SCALES: dict[str, Scale] = {
    "sentinel2_l2a": Standardize(
        (1105.0, 1355.0, 1552.0, 1887.0, 2422.0, 2630.0, 2743.0, 2785.0, 2388.0, 1835.0),
        (1809.0, 1757.0, 1888.0, 1870.0, 1732.0, 1697.0, 1742.0, 1648.0, 1470.0, 1379.0),
    ),
    "sentinel1": Chain((power_of_decibel, Standardize((0.123273, 0.027337), (1.492154, 0.122182)))),
    "landsat": Standardize(
        (10678.0, 10563.0, 11083.0, 14792.0, 12276.0, 10114.0), (6025.0, 5411.0, 5468.0, 6746.0, 5897.0, 4850.0)
    ),
}
WAVELENGTHS = {
    "sentinel2_l2a": (0.493, 0.56, 0.665, 0.704, 0.74, 0.783, 0.842, 0.865, 1.61, 2.19),
    "sentinel1": (3.5, 4.0),
    "landsat": (0.65, 0.56, 0.48, 0.86, 1.6, 2.2),
}
METERS = {"sentinel2_l2a": 10.0, "sentinel1": 10.0, "landsat": 30.0}
_REPOSITORY, _FILE = "made-with-clay/Clay", "v1.5/clay-v1.5.ckpt"
_PREFIX = "model.encoder."
_SIDE, _PATCH, _WIDTH = 128, 8, 1024
_WEEKS = 52


def clay(*, weights: str | None = None, pretrained: bool = True) -> Wrapper:
    """Clay v1.5 on optical, radar or Landsat images, or on all of them.

    weights: a local copy of clay-v1.5.ckpt; null = the published one, downloaded the first time.
    pretrained: false = random weights, for tests.
    """
    return _Clay(weights, pretrained)


@dataclass
class _Clay:
    weights: str | None
    pretrained: bool
    name: str = "baselines.clay.v1"
    licence: str = "Apache-2.0"
    source: str = f"https://huggingface.co/{_REPOSITORY} ({_FILE})"
    needs: Needs = field(default_factory=lambda: Needs(INPUTS))

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        parts = package("terratorch.models.backbones.clay_v15.model", extra="terratorch", wrapper=self)
        model = made(lambda: self._made(parts.Encoder), wrapper=self)
        sensors = {spec.name: Sensor(spec, INPUTS[spec.name].bands, SCALES[spec.name]) for spec in modalities(INPUTS)}
        return FrameEmbedder(
            placed(model, device), _WIDTH, sensors, lambda images, dates: _patches(model, images, dates), _SIDE, _PATCH
        )

    def _made(self, encoder: Any) -> Any:
        model = encoder(
            mask_ratio=0.0, patch_size=_PATCH, shuffle=False, dim=_WIDTH, depth=24, heads=16, dim_head=64, mlp_ratio=4
        )
        if self.pretrained:
            from huggingface_hub import hf_hub_download

            path = self.weights or hf_hub_download(_REPOSITORY, _FILE)
            model.load_state_dict(_encoder_weights(path))
        return model


def _encoder_weights(path: str) -> dict[str, Tensor]:
    # Nothing but tensors is read: a checkpoint of somebody else runs no code here.
    held = torch.load(path, map_location="cpu", weights_only=True)
    found = {k.removeprefix(_PREFIX): v for k, v in held.get("state_dict", held).items() if k.startswith(_PREFIX)}
    if not found:
        raise CheckpointError(f'{path}: no weights called "{_PREFIX}…". Expected the published {_FILE}.')
    return found


def _patches(model: Any, images: Images, dates_N3: Tensor) -> Patches:
    ((name, pixels_NCHW),) = images.items()
    cube = {
        "pixels": pixels_NCHW,
        "time": _week(dates_N3).to(pixels_NCHW.dtype),
        "latlon": pixels_NCHW.new_zeros(len(pixels_NCHW), 4),
        "gsd": pixels_NCHW.new_tensor(METERS[name]),
        "waves": pixels_NCHW.new_tensor(WAVELENGTHS[name]),
    }
    tokens_NLD = model(cube)[0]
    return Patches(grid.square(tokens_NLD[:, 1:]), tokens_NLD[:, 0])


def _week(dates_N3: Tensor) -> Tensor:
    """Return sine and cosine of the week of the year, and 0 for those of the hour, [N,4]."""
    angle_N = week_of_year(dates_N3) * (2 * math.pi / _WEEKS)
    nothing_N = torch.zeros_like(angle_N)
    return torch.stack([angle_N.sin(), angle_N.cos(), nothing_N, nothing_N], -1)
