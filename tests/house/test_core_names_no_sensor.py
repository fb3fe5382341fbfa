"""The frame names no sensor, no benchmark and no architecture: those are components of packages."""

import re

from olmoearth_core.kinds import registry

SHORT_LIST = (
    *("sentinel", "modis", "viirs", "palsar", "planet", "dynamic_world", "worldcover", "openstreetmap", "osm", "srtm"),
    *("copernicus_dem", "era5", "naip", "eurosat", "so2sat", "bigearthnet", "brick_kiln", "sa_crop", "pastis", "mados"),
    *("sen1floods11", "cashew", "flexivit", "vit", "galileo"),
)
FORMAT = {"latlon"}
"""Registered, but also a field of `Sample` and a key of the H5 format."""
AXES = {"space_time"}
"""Registered, but also how a modality varies (`ModalitySpec.kind`)."""
SLOTS = {"encoder", "decoder", "reconstructor", "target", "latent", "mae", "predictor"}
"""Architecture words that are places in a model, whoever fills them."""

ALLOWED = {
    "olmoearth_core/data/folder.py": "which names of a folder belong together is fixed by the reference's fingerprint",
}
"""File -> why it may name some."""


def words():
    """Return what may not occur: registered modality, benchmark, model names, and a short list."""
    things = {
        name.split(".")[1]
        for kind in (registry.benchmarks, registry.models, registry.encoders, registry.decoders)
        for name in kind.components()
    }
    return (set(registry.modalities.components()) | things | set(SHORT_LIST)) - FORMAT - AXES - SLOTS


def test_core_names_no_sensor(sources):
    pattern = re.compile(r"(?<![a-z0-9])(" + "|".join(sorted(words(), key=len, reverse=True)) + r")(?![a-z0-9])", re.I)
    found = [
        f"{s.name}:{number}: {match[0]}"
        for s in sources if s.package == "olmoearth_core" and s.name not in ALLOWED
        for number, line in enumerate(s.path.read_text("utf-8").splitlines(), 1)
        for match in pattern.finditer(line)
    ]  # fmt: skip
    assert found == []


def test_the_words_come_from_the_registries():
    assert {"sentinel2_l2a", "land_cover", "flexi_vit", "latent_mim"} <= words()
