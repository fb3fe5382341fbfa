"""Items as the catalogues send them: each profile finds its assets, its times and its places in them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from olmoearth_stac import access as access_module
from olmoearth_stac.access import Access
from olmoearth_stac.download import Asset
from olmoearth_stac.item import facts, kept, matches
from olmoearth_stac.profile import named, open_profile
from olmoearth_stac.shelf import file_names

from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities
from olmoearth_core.names import first_party

RECORDED = Path(__file__).parent / "recorded"
CASES = [
    ("planetary_computer", "sentinel2_l2a", "pc_sentinel-2-l2a"),
    ("planetary_computer", "sentinel1", "pc_sentinel-1-rtc"),
    ("planetary_computer", "landsat_l2", "pc_landsat-c2-l2"),
    ("planetary_computer", "naip_10", "pc_naip"),
    ("planetary_computer", "worldcover", "pc_esa-worldcover"),
    ("planetary_computer", "srtm", "pc_cop-dem-glo-30"),
    ("earth_search", "sentinel2_l2a", "es_sentinel-2-l2a"),
    ("earth_search", "sentinel1", "es_sentinel-1-grd"),
    ("earth_search", "landsat_l2", "es_landsat-c2-l2"),
    ("earth_search", "srtm", "es_cop-dem-glo-30"),
    ("cdse", "sentinel2_l2a", "cdse_sentinel-2-l2a"),
]


def recorded(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


def test_every_entry_of_every_profile_has_a_recorded_item():
    entries = {(name, modality) for name in named() for modality in open_profile(name).modalities}
    assert entries == {(catalog, modality) for catalog, modality, _ in CASES}


@pytest.mark.parametrize(("catalog", "modality", "name"), CASES)
def test_an_item_has_the_assets_that_its_profile_names(catalog, modality, name):
    entry, item = open_profile(catalog).entry(modality), recorded(name)
    assert matches(item, entry)
    assert set(entry.bands.values()) | set(entry.clear) <= set(item["assets"])
    assert set(kept(item, entry.assets)["assets"]) <= set(entry.assets)
    assert kept(item, entry.assets)["links"] == []


@pytest.mark.parametrize(("catalog", "modality", "name"), CASES)
def test_bands_are_those_of_the_specification_in_its_names(catalog, modality, name):
    (spec,) = modalities([modality])
    lacking = {"landsat_l2": {"B11"}}.get(modality, set())
    assert set(open_profile(catalog).entry(modality).bands) == set(spec.band_order) - lacking


@pytest.mark.parametrize(("catalog", "modality", "name"), CASES)
def test_files_get_names_that_are_different_and_safe(catalog, modality, name):
    entry = open_profile(catalog).entry(modality)
    names = file_names(kept(recorded(name), entry.assets))
    assert len({n.lower() for n in names.values()}) == len(names)
    assert not [n for n in names.values() if "/" in n or n.startswith(".") or "?" in n]


def test_times_places_and_clouds_are_those_of_the_items():
    found = facts(recorded("pc_sentinel-2-l2a"))
    assert found.start == found.end == datetime(2021, 6, 14, 10, 36, 29, 24000, tzinfo=UTC)
    assert found.bounds == (4.46, 50.45, 6.03, 51.45)
    assert found.cloud_cover == 12.5
    assert facts(recorded("pc_sentinel-1-rtc")).cloud_cover is None
    cover = facts(recorded("pc_esa-worldcover"), 365)
    assert (cover.start.isoformat(), cover.end.year) == ("2021-01-01T00:00:00+00:00", 2021)


def test_only_radar_with_both_polarisations_of_the_wide_swath_is_taken():
    entry, item = open_profile("planetary_computer").entry("sentinel1"), recorded("pc_sentinel-1-rtc")
    assert matches({**item, "properties": {**item["properties"], "sar:polarizations": ["VH", "VV"]}}, entry)
    for key, value in (
        ("sar:polarizations", ["VV"]),
        ("sar:polarizations", ["HH", "HV"]),
        ("sar:instrument_mode", "EW"),
    ):
        assert not matches({**item, "properties": {**item["properties"], key: value}}, entry)


def test_planetary_computer_needs_a_token_of_the_right_account_and_container(web):
    access = Access(open_profile("planetary_computer"), web())
    href = recorded("pc_sentinel-2-l2a")["assets"]["B02"]["href"]
    end = "/sas/v1/token/sentinel2l2a01/sentinel2-l2"
    assert access._endpoint(href).endswith(end)
    access_module._TOKENS[access._endpoint(href)] = access_module._Token("sig=T", datetime(2999, 1, 1, tzinfo=UTC))
    assert access.ticket(href, {}).url == f"{href}?sig=T"
    assert access._endpoint("https://ai4edatasetspublicassets.blob.core.windows.net/assets/x.png") is None
    assert access._endpoint("https://blob.core.windows.net.evil.org/assets/x.png") is None
    access_module._TOKENS.clear()


def test_earth_search_takes_landsat_from_the_bucket_and_pays(web, monkeypatch):
    profile = open_profile("earth_search")
    entry = profile.entry("landsat_l2")
    asset = Asset.of(recorded("es_landsat-c2-l2")["assets"]["red"], entry.alternate)
    assert asset.href.startswith("s3://usgs-landsat/")
    assert asset.checksum.kind == "sha512"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "TOPSECRET")
    ticket = Access(profile, web()).ticket(asset.href, {})
    assert ticket.url.startswith("https://s3.us-west-2.amazonaws.com/usgs-landsat/collection02/")
    assert ticket.headers["x-amz-request-payer"] == "requester"
    assert "x-amz-request-payer" in ticket.headers["Authorization"]


def test_the_elevation_model_of_earth_search_needs_no_keys(web):
    asset = Asset.of(recorded("es_cop-dem-glo-30")["assets"]["data"])
    ticket = Access(open_profile("earth_search"), web()).ticket(asset.href, {})
    assert ticket.url.startswith("https://s3.eu-central-1.amazonaws.com/copernicus-dem-30m/Copernicus_DSM")
    assert ticket.headers == {}


def test_cdse_is_opened_by_keys_of_its_own(web, monkeypatch):
    monkeypatch.setenv("CDSE_S3_ACCESS_KEY_ID", "KEYID")
    monkeypatch.setenv("CDSE_S3_SECRET_ACCESS_KEY", "TOPSECRET")
    asset = Asset.of(recorded("cdse_sentinel-2-l2a")["assets"]["B02_10m"])
    assert (asset.size, asset.checksum.kind) == (112_345_678, "md5")
    ticket = Access(open_profile("cdse"), web()).ticket(asset.href, {"Range": "bytes=5-"})
    assert ticket.url.startswith("https://eodata.dataspace.copernicus.eu/eodata/Sentinel-2/MSI/L2A/")
    assert "/default/s3/aws4_request" in ticket.headers["Authorization"]


@pytest.mark.parametrize(("catalog", "modality", "name"), CASES)
def test_a_profile_names_a_reader_of_a_package_that_has_it(catalog, modality, name):
    reader = open_profile(catalog).entry(modality).reader
    prefix = reader.partition(".")[0]
    assert f"olmoearth-{prefix}" in first_party()
    installed = [known for known in registry.readers.components() if known.startswith(f"{prefix}.")]
    assert not installed or reader in installed, f"it has {', '.join(installed)}"
