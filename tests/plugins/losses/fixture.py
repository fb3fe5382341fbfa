"""Golden files, and tokens of one modality made from plain lists."""

import json
from pathlib import Path

import torch

from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.interfaces.loss import Tokens


def golden(name):
    return json.loads((Path(__file__).parents[2] / "golden" / f"{name}.json").read_text())


def tokens(values, mask, name="worldcover", counted=False):
    values = torch.as_tensor(values)
    values = values if values.is_floating_point() else values.float()
    masks = {name: torch.as_tensor(mask).reshape(*values.shape[:2], 1, 1, 1)}
    return Tokens({name: values[:, :, None, None, None]}, masks, ViewCounts.of(masks) if counted else None)
