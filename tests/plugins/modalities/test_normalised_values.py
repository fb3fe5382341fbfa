"""Golden values after normalisation by the loader's own code (acceptance check 20 of the data chapter)."""

from __future__ import annotations

import numpy as np
import pytest

from olmoearth_core import modalities
from olmoearth_core.data.normalize import Normalizer
from olmoearth_core.errors import DataError

SENTINEL2_L2A_ALL_1000 = [
    0.47459364, 0.44099601, 0.42631771, 0.22779126, 0.37305906, 0.27132029,
    0.23444564, 0.20745648, 0.22896263, 0.32802615, 0.48519079, 0.28595465,
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "stored", "normal"),
    [
        ("sentinel2_l2a", [1000] * 12, SENTINEL2_L2A_ALL_1000),
        ("sentinel1", [-10, -15], [0.538029, 0.56718291]),
        ("latlon", [45, -90], [0.75, 0.25]),
        ("worldcover", [10], [0.25192164]),
        ("worldcover", [95], [1.12884595]),
        ("srtm", [-32768], [-7.918738]),
        ("ndvi", [-0.5], [0.25]),
        ("worldcereal", [0, 100] * 4, [0, 1] * 4),
        ("cdl", [100], [0.5]),
    ],
)
def test_stored_values_become_the_published_numbers_and_are_never_clipped(name, stored, normal):
    found = Normalizer(modalities([name]))(name, np.array([stored], np.float32))
    assert found[0].tolist() == pytest.approx(normal, abs=2e-6)


def test_channels_of_0_and_1_stay_as_they_are():
    values = np.eye(11, dtype=np.float32)
    assert (Normalizer(modalities(["worldcover_onehot"]))("worldcover_onehot", values) == values).all()


@pytest.mark.parametrize("name", ["openstreetmap", "era5", "era5l_day_10"])
def test_a_modality_without_statistics_is_refused_by_name(name):
    with pytest.raises(DataError, match=name):
        Normalizer(modalities([name]))


def test_every_other_first_party_modality_can_be_normalised():
    names = ["cdl", "era5_10", "eurocrops", "gse", "landsat", "landsat_l2", "naip", "naip_10", "openstreetmap_raster"]
    for spec in modalities([*names, "sentinel2", "worldpop", "wri_canopy_height_map"]):
        found = Normalizer([spec])(spec.name, np.ones((2, spec.num_bands), np.float32))
        assert np.isfinite(found).all()
        assert found.shape == (2, spec.num_bands)
