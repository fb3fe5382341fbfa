"""Which reader is for which real sample file, as what, and what must be declared because the file does not say it.

A path that is not listed here is recognised by no reader. A group of band files is met once, at its first file.
"""

_S1, _S2, _L8 = "sentinel1.rtc.v1", "sentinel2.stacked.v1", "landsat.band_files.v1"
_L2A = (_S2, "sentinel2_l2a", {})
_CHIP = {"level": "l1c", "units": "reflectance_x10000", "time": "2019-09-17"}
_DECIBELS = {"units": "db", "time": "2019-09-17"}
_ELKTON = {"level": "l1", "time": "2015-07-01"}

EXPECTED = {
    "andorra/N42E001.hgt.zip": ("srtm.tiles.v1", "srtm", {}),
    "andorra/andorra.osm.pbf": ("openstreetmap.pbf.v1", "openstreetmap_raster", {}),
    "helsinki/Helsinki.osm.pbf": ("openstreetmap.pbf.v1", "openstreetmap_raster", {}),
    "landsat8_l1_elkton": (_L8, "landsat", _ELKTON),
    "landsat8_l1_elkton/L8-B1-Elkton-VA.tiff": (_L8, "landsat", _ELKTON),
    "sao_tome/worldcover_2021_10m.tif": ("worldcover.tiles.v1", "worldcover", {}),
    "sites/be_31uds_2018/landsat8_sr_10m.tif": ("landsat.stacked.v1", "landsat_l2", {}),
    "sites/be_31uds_2018/sentinel1_20m.tif": (_S1, "sentinel1", {}),
    "sites/be_31uds_2018/sentinel2_l2a_10m.tif": _L2A,
    "sites/be_31uds_2018/sentinel2_l2a_20m.tif": _L2A,
    "sites/be_31ufs_2021/sentinel1_10m.tif": (_S1, "sentinel1", {}),
    "sites/be_31ufs_2021/sentinel2_l2a_10m.tif": _L2A,
    "stacked_gee/98-togo_2019-02-06_2020-02-01.tif": ("maps.stacked_gee.v1", "sentinel1", {}),
}
for _place in ("tm_brazil_coast", "tm_denmark", "tm_serengeti"):
    EXPECTED[f"sites/{_place}/sentinel1_10m.tif"] = (_S1, "sentinel1", {})
    EXPECTED[f"sites/{_place}/sentinel2_l2a_10m.tif"] = _L2A
for _part in ("ne", "nw", "sw"):
    EXPECTED[f"eval/sen1floods11/Spain_7370579{_part}_S1Hand.tif"] = (_S1, "sentinel1", _DECIBELS)
    EXPECTED[f"eval/sen1floods11/Spain_7370579{_part}_S2Hand.tif"] = (_S2, "sentinel2", _CHIP)
for _place in ("36_85", "4_55"):
    _name = f"eval/bigearthnet/S1A_IW_GRDH_1SDV_20170617T064724_29UPU_{_place}_VV.tif"
    EXPECTED[_name] = (_S1, "sentinel1", {"units": "db"})
    _name = f"eval/bigearthnet/S2A_MSIL2A_20170617T113321_{_place}_B01.tif"
    EXPECTED[_name] = ("sentinel2.band_files.v1", "sentinel2_l2a", {})

GROUPS = {
    "eval/bigearthnet/S1A": _S1,
    "eval/bigearthnet/S2A": "sentinel2.band_files.v1",
    "landsat8_l1_elkton/": _L8,
    "andorra": "srtm.tiles.v1",
}
"""Beginning of a path -> the reader that takes it too if it is asked to, but does not recognise it."""
_NOTES = ("README.md", "SHA256SUMS")


def paths(samples):
    """All files and folders of the samples, as relative text."""
    return [p.relative_to(samples).as_posix() for p in sorted(samples.rglob("*")) if p.name not in _NOTES]


def allowed(path):
    """Names of readers that may read a path."""
    group = [reader for start, reader in GROUPS.items() if path.startswith(start)]
    return {EXPECTED[path][0], *group} if path in EXPECTED else set(group)
