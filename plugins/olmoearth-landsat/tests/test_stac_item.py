"""STAC items: level and scene are those of the item's id, and what files and scales say must agree with it."""

import json

import numpy as np
import pytest
from olmoearth_landsat.band_files import band_files
from olmoearth_landsat.level1_bundle import level1_bundle
from olmoearth_landsat.level2_bundle import level2_bundle
from olmoearth_landsat.stac_item import NAMES, stac_item

from olmoearth_core.errors import DataError, OtherModality
from olmoearth_core.readers.contract import check


@pytest.fixture
def item(bundle):
    """Takes a level and returns the path of an item beside its files, as a catalogue would write it."""

    def made(level="l2", edit=None):
        root = bundle(level)
        assets = {}
        for band, key in NAMES.items():
            for name in (f"{root.name}_{band}.TIF", f"{root.name}_SR_{band}.TIF", f"{root.name}_ST_{band}.TIF"):
                if (root / name).exists():
                    assets[key] = {"href": f"./{name}"}
        assets["qa_pixel"] = {"href": f"./{root.name}_QA_PIXEL.TIF"}
        assets["mtl.txt"] = {"href": f"./{root.name}_MTL.txt"}
        content = {
            "type": "Feature", "stac_version": "1.0.0", "id": root.name.replace("_20200911", ""),
            "collection": "landsat-c2-l2", "assets": assets,
            "properties": {"datetime": "2014-05-02T15:51:41.646Z", "platform": "landsat-8", "eo:cloud_cover": 12.5},
        }  # fmt: skip
        if edit:
            edit(content)
        path = root / "item.json"
        path.write_text(json.dumps(content), "utf-8")
        return str(path)

    return made


@pytest.mark.parametrize("level", ["l1", "l2"])
def test_an_item_gives_what_its_bundle_gives(item, l1, l2, level):
    spec, reader = {"l1": (l1, level1_bundle()), "l2": (l2, level2_bundle())}[level]
    path = item(level)
    assert stac_item().recognises(path)
    array, whole = stac_item().read(path, spec), reader.read(path.rpartition("/")[0], spec)
    assert np.array_equal(array.values, whole.values, equal_nan=True)
    assert array["band"].values.tolist() == whole["band"].values.tolist()
    assert (array.attrs["cloud_cover"], str(array["time"].values[0])[:19]) == (12.5, "2014-05-02T15:51:41")
    masks = [r.clear(p, spec).values for r, p in ((stac_item(), path), (reader, path.rpartition("/")[0]))]
    assert np.array_equal(*masks)
    check(array, spec)


def test_an_item_is_read_as_its_own_level_alone(item, l1, l2):
    with pytest.raises(OtherModality, match="is the modality landsat_l2, but landsat was asked for"):
        stac_item().read(item("l2"), l1)


def test_an_item_beside_files_is_met_before_them(item):
    path = item("l2")
    assert not band_files().recognises(path.rpartition("/")[0])


FAULTS = {
    "sensor": (lambda c: c["properties"].update(platform="sentinel-2a") or c.update(collection="s2"), "an item of s2"),
    "satellite": (lambda c: c.update(id=c["id"].replace("LC08", "LE07")), "is of another Landsat"),
    "id": (lambda c: c.update(id="scene"), "no Landsat product"),
    "bands": (lambda c: c.update(assets={"x": {"href": "x.tif"}}), "are no bands"),
    "time": (lambda c: c["properties"].update(datetime="soon"), 'its datetime is "soon"'),
    "scale": (
        lambda c: c["assets"]["red"].update({"raster:bands": [{"scale": 0.0001, "offset": 0}]}),
        "B4 is declared with scale 0.0001 and offset 0",
    ),
    "scale that is none": (
        lambda c: c["assets"]["red"].update({"raster:scale": "big", "raster:offset": 0}), "expected two numbers"
    ),
    "other file": (
        lambda c: c["assets"]["red"].update(href=c["assets"]["red"]["href"].replace("017033", "018033")),
        "but asset red is LC08_L2SP_018033",
    ),
    "no image": (lambda c: c["assets"]["red"].update(href="red.vrt"), r"expected \.tif"),
    "other scheme": (lambda c: c["assets"]["red"].update(href="ftp://x/red.tif"), "expected a path or URL"),
    "missing": (lambda c: c["assets"]["red"].update(href="gone.tif"), "gone.tif"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_an_item_that_contradicts_itself_is_refused_by_name(item, l2, fault):
    edit, message = FAULTS[fault]
    path = item("l2", edit)
    with pytest.raises(DataError, match=message) as error:
        _ = stac_item().read(path, l2).values
    assert path.rpartition("/")[0] in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"type": "Feature"}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_item_is_refused_by_name(tmp_path, l2, content):
    path = tmp_path / "item.json"
    path.write_bytes(content)
    assert not stac_item().recognises(str(path))
    with pytest.raises(DataError, match=r"item\.json"):
        stac_item().read(str(path), l2)
