"""A reader of items whose assets `vv` and `vh` hold linear power, so that these tests need no sensor's package."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import FileLayer
from olmoearth_core.readers.scene import Product, scene


@dataclass(frozen=True)
class ToyReader:
    name: str = "toystac.item.v1"
    modalities: tuple[str, ...] = ("sentinel1",)

    def recognises(self, path):
        return os.path.basename(path) == "item.json"

    def read(self, path, spec, *, bands=None):
        item = json.loads(Path(path).read_text())
        layers = {}
        for band in bands or spec.band_order:
            if band not in item["assets"]:
                raise DataError(f"{path}: no {band}")
            layers[band] = FileLayer(os.path.join(os.path.dirname(path), item["assets"][band]["href"]))
        time = datetime.fromisoformat(item["properties"]["datetime"])
        return scene(spec, {time: layers}, Product(self.name, path, "gamma0", "linear_power"))

    def clear(self, path, spec):
        return None


def item() -> ToyReader:
    """A toy for tests."""
    return ToyReader()
