"""GEO-Bench 2: what lands in which band, in both profiles."""

import io
import struct
import sys

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from olmoearth_benchmarks.gb2_benv2 import gb2_benv2
from olmoearth_benchmarks.gb2_biomassters import gb2_biomassters
from olmoearth_benchmarks.gb2_burn_scars import gb2_burn_scars
from olmoearth_benchmarks.gb2_caffe import gb2_caffe
from olmoearth_benchmarks.gb2_cloudsen12 import gb2_cloudsen12
from olmoearth_benchmarks.gb2_flair2 import gb2_flair2
from olmoearth_benchmarks.gb2_fotw import gb2_fotw
from olmoearth_benchmarks.gb2_kuro_siwo import gb2_kuro_siwo
from olmoearth_benchmarks.gb2_spacenet7 import gb2_spacenet7
from olmoearth_benchmarks.gb2_treesatai import gb2_treesatai
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a
from olmoearth_srtm.modality import srtm
from pyarrow import parquet
from rasterio import Affine
from rasterio.io import MemoryFile

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

S1, S2, DEM = sentinel1(), sentinel2_l2a(), srtm()
OLD = Context(profile="reference-2026.07")
BANDS = S2.band_order


def tif(values_CHW, names=()):
    count, height, width = values_CHW.shape
    facts = {"count": count, "height": height, "width": width, "dtype": values_CHW.dtype.name}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", transform=Affine(10, 0, 0, 0, -10, 0), **facts) as out:
            out.write(values_CHW)
            for number, name in enumerate(names, 1):
                out.set_band_description(number, name)
        return memory.read()


def tortilla(rows, head=200):
    """rows: (facts, bytes). The static part has 200 bytes: magic, offset, length, parts, and free space."""
    body, table = bytearray(head), []
    for facts, content in rows:
        table.append({**facts, "tortilla:offset": len(body), "tortilla:length": len(content)})
        body += content
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(table), out)
    struct.pack_into("<2sQQQ", body, 0, b"#y", len(body), out.tell(), 1)
    return bytes(body) + out.getvalue()


def record(images, facts=None, each=None):
    """images: GeoTIFF bytes. facts: of every part. each: further facts, one dict per part."""
    each = each or [{} for _ in images]
    named = [{"tortilla:id": str(i), "tortilla:file_format": "GTiff", **(facts or {}), **e} for i, e in enumerate(each)]
    return tortilla(list(zip(named, images, strict=True)))


@pytest.fixture
def published(tmp_path):
    """Return (slug, record bytes, counts) -> root."""

    def write(slug, content, counts=(4, 1, 2), parts=1):
        folder = tmp_path / slug
        folder.mkdir(exist_ok=True)
        splits = [s for s, n in zip(("train", "validation", "test"), counts, strict=True) for _ in range(n)]
        rows = [
            ({"tortilla:id": f"r{i}", "tortilla:file_format": "TORTILLA", "tortilla:data_split": s}, content)
            for i, s in enumerate(splits)
        ]
        for part in range(parts):
            name = f"geobench_{slug}.tortilla" if parts == 1 else f"geobench_{slug}.{part:04d}.part.tortilla"
            (folder / name).write_bytes(tortilla(rows[part::parts]))
        return str(tmp_path)

    return write


def planes(*values, dtype="float32", side=8):
    return tif(np.ones((len(values), side, side), dtype=dtype) * np.array(values, dtype=dtype)[:, None, None])


def codes(*values):
    return tif(np.resize(np.array(values, dtype=np.int16), (1, 8, 8)))


def first(benchmark, context=None, specs=(S1, S2, DEM)):
    return benchmark.open(specs, context=context or Context()).splits["train"][0]


def shown(sample, name):
    """Return band -> value of the first pixel of what is there."""
    spec = {s.name: s for s in (S1, S2, DEM)}[name]
    there = np.broadcast_to(sample.sample.presence[name], sample.sample.arrays[name].shape)
    values = sample.sample.arrays[name]
    return {b: float(values[0, 0, 0, i]) for i, b in enumerate(spec.band_order) if there[0, 0, 0, i]}


def test_benv2_takes_radar_by_name_and_else_by_its_statistics(published):
    facts = {"labels": ["Pastures", "Marine waters"], "stac:time_start": 1496275200}
    s2 = planes(*range(1, 13))
    root = published("benv2", record([planes(-19, -12), s2], facts))
    sample = first(gb2_benv2(root=root))
    assert shown(sample, "sentinel1") == {"vv": -12, "vh": -19}
    assert shown(first(gb2_benv2(root=root), OLD), "sentinel1") == {"vv": -19, "vh": -12}
    assert shown(first(gb2_benv2(root=root, radar_order="vv_vh")), "sentinel1") == {"vv": -19, "vh": -12}
    assert shown(sample, "sentinel2_l2a")["B8A"] == 9
    assert shown(sample, "sentinel2_l2a")["B12"] == 12
    assert np.flatnonzero(sample.label).tolist() == [4, 18]
    assert sample.sample.timestamps.tolist() == [[1, 5, 2017]]
    assert first(gb2_benv2(root=root), OLD).sample.timestamps.tolist() == [[15, 6, 2020]]
    named = tif(np.array([-12, -19], dtype=np.float32)[:, None, None] * np.ones((2, 8, 8), np.float32), ("VV", "VH"))
    root = published("benv2", record([named, s2], facts))
    assert shown(first(gb2_benv2(root=root)), "sentinel1") == {"vv": -12, "vh": -19}


def test_label_fraction_and_input_modalities_are_respected(published):
    """evaluation.md 9.1 number 16."""
    root = published("benv2", record([planes(1, 2), planes(*range(12))], {"labels": ["Pastures"]}), counts=(10, 1, 1))
    opened = gb2_benv2(root=root, label_fraction=0.2, input_modalities=["sentinel2_l2a"]).open(
        [S1, S2], context=Context()
    )
    assert [len(opened.splits[s]) for s in ("train", "valid", "test")] == [2, 1, 1]
    assert list(opened.splits["train"][0].sample.arrays) == ["sentinel2_l2a"]
    with pytest.raises(ConfigError, match="ignores label_fraction"):
        gb2_benv2(root=root, label_fraction=0.2).open([S1, S2], context=OLD)


def test_burn_scars_are_reflectances_of_six_bands_and_absent_ones_stay_zero_in_the_reference(published):
    root = published("burn_scars", record([planes(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), codes(-1, 0, 1)]))
    sample = first(gb2_burn_scars(root=root))
    found = shown(sample, "sentinel2_l2a")
    assert {b: round(v) for b, v in found.items()} == {
        "B02": 1000, "B03": 2000, "B04": 3000, "B8A": 4000, "B11": 5000, "B12": 6000
    }  # fmt: skip
    assert sample.label[0, :3].tolist() == [-1, 0, 1]
    opened = gb2_burn_scars(root=root).open([S2], context=OLD)
    scaled = opened.after_scale("sentinel2_l2a", np.full((2, 2, 1, 12), 0.3, np.float32))
    assert [b for b, v in zip(BANDS, scaled[0, 0, 0], strict=True) if v == 0] == [b for b in BANDS if b not in found]
    assert len(shown(opened.splits["train"][0], "sentinel2_l2a")) == 12


def test_flair2_colours_land_in_their_bands_unless_the_reference_is_repeated(published):
    """evaluation.md 9.1 number 15."""
    root = published("flair2", record([planes(51, 102, 153, 204, 7, dtype="uint8"), codes(1, 13, 19, 0)]))
    sample = first(gb2_flair2(root=root))
    assert shown(sample, "sentinel2_l2a") == {"B02": 153, "B03": 102, "B04": 51, "B08": 204}
    assert sample.label[0, :4].tolist() == [0, 12, 12, -1]
    assert "sentinel2_l2a" in gb2_flair2(root=root).open([S2], context=Context()).foreign
    old = {b: round(v) for b, v in shown(first(gb2_flair2(root=root), OLD), "sentinel2_l2a").items() if v}
    assert old == {"B02": 2000, "B03": 4000, "B04": 6000, "B08": 8000, "B05": 275}


def test_alpha_is_no_infrared(published):
    root = published("spacenet7", record([planes(51, 102, 153, 255, dtype="uint8"), codes(0, 1)]))
    sample = first(gb2_spacenet7(root=root))
    assert shown(sample, "sentinel2_l2a") == {"B02": 153, "B03": 102, "B04": 51}
    assert sample.label[0, :2].tolist() == [1, 2]
    assert round(shown(first(gb2_spacenet7(root=root), OLD), "sentinel2_l2a")["B08"]) == 10_000


def test_caffe_has_one_polarisation_and_ignores_what_is_no_zone(published):
    root = published("caffe", record([planes(60, dtype="uint8"), codes(0, 1, 2, 3)]))
    sample = first(gb2_caffe(root=root))
    assert shown(sample, "sentinel1") == {"vv": 60}
    assert sample.label[0, :4].tolist() == [-1, 0, 1, 2]
    assert shown(first(gb2_caffe(root=root), OLD), "sentinel1") == {"vv": 60, "vh": 0}


def test_cloudsen12_shows_twelve_of_fourteen_layers_and_fotw_the_first_date(published):
    root = published("cloudsen12", record([planes(*range(14), dtype="uint16"), codes(0, 3)]))
    assert shown(first(gb2_cloudsen12(root=root)), "sentinel2_l2a")["B12"] == 11
    root = published("fotw", record([planes(1, 2, 3, 4), planes(5, 6, 7, 8), codes(9), codes(0, 2, 3)]))
    sample = first(gb2_fotw(root=root))
    assert shown(sample, "sentinel2_l2a") == {"B02": 3, "B03": 2, "B04": 1, "B08": 4}
    assert sample.label[0, :3].tolist() == [0, 2, -1]


def test_kuro_siwo_has_three_radar_steps_in_decibels_and_one_of_elevation(published):
    steps = [planes(0.1, 0.01), planes(1, 0.1), planes(10, 0)]
    root = published("kuro_siwo", record([*steps, planes(-9999), codes(0, 3)]))
    sample = first(gb2_kuro_siwo(root=root))
    radar = sample.sample.arrays["sentinel1"]
    assert radar[0, 0, :, 0].round(4).tolist() == [-10, 0, 10]
    assert sample.sample.timestamps.shape == (3, 3)
    assert sample.sample.presence["sentinel1"][0, 0].tolist() == [[True, True], [True, True], [True, False]]
    assert not sample.sample.presence["srtm"].any()
    assert sample.sample.arrays["srtm"].shape == (8, 8, 1, 1)
    old = first(gb2_kuro_siwo(root=root), OLD).sample
    assert round(float(old.arrays["sentinel1"][0, 0, 2, 1]), 3) == -100
    assert old.arrays["srtm"][0, 0, 0, 0] == -500


def test_biomassters_averages_the_orbits_that_have_values(published):
    each = [{"modality": m} for m in ("S2", "S1", "S1", "AGBM")]
    images = [planes(*range(11)), planes(-10, -20, -9999, -30), planes(0, 0, 0, 0), planes(63.96 + 72.52)]
    root = published("biomassters", record(images, each=each), parts=2)
    sample = first(gb2_biomassters(root=root))
    assert shown(sample, "sentinel1") == {"vv": -10, "vh": -25}
    assert np.allclose(sample.label, 1)
    assert shown(sample, "sentinel2_l2a")["B12"] == 9
    assert shown(first(gb2_biomassters(root=root), OLD), "sentinel1") == {"vv": -5, "vh": -25}


def test_treesatai_passes_over_names_that_are_no_class(published):
    images = [planes(1, 2, 3, 4), planes(1, 2, 3), planes(*range(12))]
    root = published("treesatai", record(images, {"species_labels": ["Tilia", "Yggdrasil"]}))
    sample = first(gb2_treesatai(root=root))
    assert np.flatnonzero(sample.label).tolist() == [14]
    assert shown(sample, "sentinel2_l2a")["B09"] == 11


@pytest.mark.parametrize("damage", [b"", b"PK" + bytes(300), b"#y" + b"\xff" * 300])
def test_what_is_no_tortilla_is_refused(tmp_path, damage):
    (tmp_path / "geobench_caffe.tortilla").write_bytes(damage)
    with pytest.raises(DataError, match="caffe"):
        gb2_caffe(root=str(tmp_path)).open([S1], context=Context())


def test_every_cut_of_a_file_is_refused(published, tmp_path):
    root = published("caffe", record([planes(60), codes(0)]), counts=(1, 1, 1))
    path = tmp_path / "caffe" / "geobench_caffe.tortilla"
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            gb2_caffe(root=root).open([S1], context=Context())


def test_a_missing_package_is_named_with_its_extra(published, monkeypatch):
    root = published("caffe", record([planes(60), codes(0)]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"olmoearth-benchmarks\[geobench2\]"):
        gb2_caffe(root=root).open([S1], context=Context())


def test_files_in_a_bucket_are_those_on_the_disk(published, tmp_path):
    root = published("caffe", record([planes(60), codes(1)]))
    memory = fsspec.filesystem("memory")
    memory.pipe("/gb2/caffe/geobench_caffe.tortilla", (tmp_path / "caffe" / "geobench_caffe.tortilla").read_bytes())
    here, there = first(gb2_caffe(root=root)), first(gb2_caffe(root="memory://gb2"))
    assert np.array_equal(here.sample.arrays["sentinel1"], there.sample.arrays["sentinel1"])
