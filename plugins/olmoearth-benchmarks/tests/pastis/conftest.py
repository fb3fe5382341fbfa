"""Patches of PASTIS-R as they are published: five, one per fold, with two images a month."""

import json
import shutil

import numpy as np
import pytest

SPAN = [*range(201809, 201813), *range(201901, 201911)]


def days(months, day):
    return {str(n): month * 100 + day + n % 2 for n, month in enumerate(m for m in months for _ in range(2))}


def write_patch(root, number, s2_days, s1_days):
    """Every image has the number of its month in all pixels; bands differ by 100, the lower half by 1000."""
    target = np.zeros((3, 128, 128), dtype=np.uint8)
    target[0, 64:, :64], target[0, :64, 64:], target[0, 64:, 64:] = 1, 18, 19
    half = np.where(np.arange(128) < 64, 0, 1000)[:, None]
    for kind, table, bands, dtype in (("S2", s2_days, 10, "int16"), ("S1A", s1_days, 3, "float32")):
        month = np.array([day // 100 % 100 for day in table.values()])
        values = month[:, None, None, None] + 100 * np.arange(bands)[:, None, None] + half + np.zeros((1, 1, 1, 128))
        (root / f"DATA_{kind}").mkdir(parents=True, exist_ok=True)
        np.save(root / f"DATA_{kind}" / f"{kind}_{number}.npy", values.astype(dtype))
    (root / "ANNOTATIONS").mkdir(exist_ok=True)
    np.save(root / "ANNOTATIONS" / f"TARGET_{number}.npy", target)


@pytest.fixture(scope="session")
def patches(tmp_path_factory):
    """October 2018 has no optical image, and radar begins a month late; patch 7 has too few months."""
    root = tmp_path_factory.mktemp("pastis") / "PASTIS-R"
    features = []
    without = [month for month in SPAN if month != 201810]
    for fold, number in enumerate((10, 40, 20, 30, 50, 7), 1):
        months = without[:11] if number == 7 else without
        s2, s1 = days(months, 3), days(SPAN[1:], 20)
        write_patch(root, number, s2, s1)
        facts = {"ID_PATCH": number, "Fold": min(fold, 5), "dates-S2": s2, "dates-S1A": s1, "dates-S1D": {}}
        features.append({"type": "Feature", "properties": facts})
    (root / "metadata.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return root


@pytest.fixture
def published(patches, tmp_path):
    """A copy that a test may harm."""
    return shutil.copytree(patches, tmp_path / "raw" / "PASTIS-R").parent
