"""Every installed first-party modality agrees with the published catalogue, to the last digit.

The catalogue (modalities.json, norm_stats.json) is not part of the repository: it is looked for in $OLMOEARTH_SPEC and
beside the checkout. The distributions' own tests hold golden numbers for where it is absent.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import registry
from olmoearth_core.names import first_party

FOLDER = Path(os.environ.get("OLMOEARTH_SPEC") or Path(__file__).parents[4] / "shared" / "spec")
OURS = {"landsat_l2"}
"""Modalities that the published catalogue does not know."""
UNSAID = {"openstreetmap", "era5l_day_10"}
"""Modalities whose units the catalogue leaves open."""


def load(name: str) -> dict:
    file = FOLDER / name
    if not file.is_file():
        pytest.skip(f"{file} is not there; set OLMOEARTH_SPEC to the folder that holds it")
    return json.loads(file.read_text("utf-8"))


def installed() -> dict[str, ModalitySpec]:
    ours = [c.name for c in registry.modalities.components().values() if c.distribution in first_party()]
    return {name: registry.modalities.get(name)() for name in ours}


def facts(spec: ModalitySpec) -> dict:
    return {
        "name": spec.name,
        "tile_resolution_factor": spec.grid_factor,
        "tile_resolution_m": spec.meters,
        "band_order": list(spec.band_order),
        "is_multitemporal": spec.multitemporal,
        "is_spatial": spec.spatial,
        "kind": spec.kind,
        "ignore_when_parsing": not spec.parsed,
        "image_tile_size_factor": spec.size_factor,
        "expected_tile_size_px": spec.tile_pixels,
        "skip_normalization": spec.normalization == "none",
        "h5_dtype": spec.dtype,
    }


def test_the_table_of_what_to_pip_install_names_every_modality_under_its_package():
    found = registry.modalities.components().values()
    for distribution, names in first_party().items():
        assert sorted(c.name for c in found if c.distribution == distribution) == sorted(names)


def test_no_modality_of_the_catalogue_is_missing():
    assert set(installed()) - OURS == set(load("modalities.json")["modalities"])


def test_every_modality_agrees_with_the_catalogue():
    catalogue = load("modalities.json")["modalities"]
    for name, spec in installed().items():
        if name not in OURS:
            assert facts(spec) == {key: catalogue[name][key] for key in facts(spec)}
            assert spec.units == catalogue[name]["units"] or name in UNSAID


def test_every_band_set_is_stored_as_the_catalogue_says():
    catalogue = load("modalities.json")["modalities"]
    for name in set(installed()) - OURS:
        spec, listed = installed()[name], catalogue[name]["band_sets"]
        found = [(list(s.bands), s.resolution_factor, s.meters) for s in spec.band_sets]
        assert found == [(s["bands"], s["resolution_factor"], s["resolution_m"]) for s in listed]
        assert [list(i) for i in spec.band_indices] == [s["band_indices"] for s in listed]
        in_a_file = [(s, k["stored_pixels_per_256_tile"]) for s, k in zip(spec.band_sets, listed, strict=True)]
        assert all(spec.stored_pixels(s) == pixels for s, pixels in in_a_file if pixels is not None)


def test_every_modality_is_normalised_in_the_published_way():
    used = load("norm_stats.json")["used_by_modality"]
    for name, spec in installed().items():
        if name not in OURS:
            undefined = spec.normalization != "none" and not spec.statistics
            assert ("undefined" if undefined else spec.normalization) == used[name]


def test_every_statistic_is_the_published_one_and_hand_set_ones_count_no_pixels():
    tables = load("norm_stats.json")
    by_hand = tables["placeholder_entries"]["modalities"]
    for name, spec in installed().items():
        measured, fixed = (tables[kind].get(name, {}) for kind in ("computed", "predefined"))
        for band in () if name in OURS else spec.band_order:
            found, computed, predefined = spec.statistics.get(band), measured.get(band, {}), fixed.get(band, {})
            expected = (*map(computed.get, ("mean", "std")), *map(predefined.get, ("min", "max")))
            assert expected == ((found.mean, found.std, found.minimum, found.maximum) if found else (None,) * 4)
            assert (found.count if found else 0) == (0 if name in by_hand else computed.get("count", 0))
