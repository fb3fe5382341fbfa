"""Panopticon (Waldmann et al. 2025, arXiv 2503.10845), through TorchGeo.

Every channel comes with an id: the central wavelength in nanometres, or a negative number for a polarisation of
radar. It takes standardised values and publishes no table, so the statistics are those of the modalities' own
specifications. Every modality goes through it by itself; its class token is the feature of a whole sample.
"""

# N frames, C channels, L tokens, D width
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from olmoearth_baselines.prepare import grid
from olmoearth_baselines.prepare.frames import Sensor
from olmoearth_baselines.prepare.network import FrameEmbedder, Images, Patches
from olmoearth_baselines.prepare.opening import made, package, placed
from olmoearth_baselines.prepare.scale import Standardize
from olmoearth_baselines.prepare.statistics import measured
from olmoearth_core import modalities
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.wrapper import Embedder, Input, Needs, Wrapper

INPUTS = {
    "sentinel2_l2a": Input(
        ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"), "reflectance_x10000"
    ),
    "sentinel1": Input(("vv", "vh"), "decibel"),
    "landsat": Input(("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9"), "digital_number"),
}
RADAR_IDS = {"vv": -1.0, "vh": -2.0}
"""Polarisations whose orbit direction is not known."""
_SIDE, _WIDTH = 224, 768


def panopticon(*, pretrained: bool = True) -> Wrapper:
    """Panopticon on optical, radar or Landsat images, or on all of them.

    pretrained: false = random weights, for tests.
    """
    return _Panopticon(pretrained)


@dataclass
class _Panopticon:
    pretrained: bool
    name: str = "baselines.panopticon.v1"
    licence: str = "Apache-2.0"
    source: str = "https://huggingface.co/lewaldm/panopticon"
    needs: Needs = field(default_factory=lambda: Needs(INPUTS))

    def open(self, *, device: torch.device) -> Embedder:
        """Load the encoder."""
        parts = package("torchgeo.models", extra="torchgeo", wrapper=self)
        weights = parts.Panopticon_Weights.VIT_BASE14 if self.pretrained else None
        model = made(lambda: parts.panopticon_vitb14(weights=weights, img_size=_SIDE), wrapper=self)
        specs = modalities(INPUTS)
        ids = {spec.name: channel_ids(spec, INPUTS[spec.name].bands) for spec in specs}
        sensors = {
            spec.name: Sensor(spec, (bands := INPUTS[spec.name].bands), Standardize(*measured(spec, bands)))
            for spec in specs
        }
        return FrameEmbedder(
            placed(model, device), _WIDTH, sensors, lambda images, dates: _patches(model, images, ids), _SIDE, _SIDE
        )


def channel_ids(spec: ModalitySpec, bands: tuple[str, ...]) -> tuple[float, ...]:
    """Return the wavelengths of optical bands in nanometres, and the negative ids of polarisations."""
    return tuple(RADAR_IDS[band] if band in RADAR_IDS else spec.wavelengths_nm[band] for band in bands)


def _patches(model: Any, images: Images, ids: Mapping[str, tuple[float, ...]]) -> Patches:
    ((name, values_NCHW),) = images.items()
    # A fresh tensor every time: the model rounds it in place.
    ids_NC = values_NCHW.new_tensor(ids[name]).repeat(len(values_NCHW), 1)
    vit = model.model
    tokens_NLD: Tensor = vit.forward_features({"imgs": values_NCHW, "chn_ids": ids_NC})
    return Patches(grid.square(tokens_NLD[:, vit.num_prefix_tokens :]), vit.forward_head(tokens_NLD))
