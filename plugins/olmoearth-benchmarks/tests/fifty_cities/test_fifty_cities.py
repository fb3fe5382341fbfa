"""Fifty cities: images of cities become tiles, and tiles are divided always the same way."""

import json
import pickle

import fsspec
import numpy as np
import pytest
import torch
from olmoearth_benchmarks.cities import palette
from olmoearth_benchmarks.cities.prepare import decibel
from olmoearth_benchmarks.cities.split import CONTINENTS, divide, fraction_of, partition
from olmoearth_benchmarks.fifty_cities import fifty_cities
from olmoearth_sentinel1.modality import sentinel1
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.evaluation import Context

S1, S2 = sentinel1(), sentinel2_l2a()
DEFAULT, REFERENCE = Context(), Context(profile="reference-2026.07")
TWELVE = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]


def tiles(folder, counts, **parts):
    """Write tiles in the published layout."""
    for city, count in counts.items():
        (folder / "tiles" / city).mkdir(parents=True)
        for n in range(count):
            s2 = torch.arange(1, 13, dtype=torch.int32).reshape(12, 1, 1).repeat(1, 64, 64)
            s1 = torch.tensor([-17.0, -11.0]).reshape(2, 1, 1).repeat(1, 64, 64)
            label = torch.full((64, 64), n % 13, dtype=torch.int16)
            tile = {"s2": s2, "s1": s1, "label": label, "row": n, "col": 0, **parts}
            torch.save(tile, folder / "tiles" / city / f"{n}.pt")
    facts = {"tile_size": 64, "drop_empty": True, "num_classes": 13, "counts": counts}
    (folder / "manifest.json").write_text(json.dumps(facts))
    return str(folder)


def test_units_are_divided_as_the_reference_divides_them():
    """Acceptance check 29."""
    assert partition(range(10)) == {"train": [7, 3, 2, 8, 5, 6, 9], "valid": [4, 0], "test": [1]}
    assert partition(["c", "a", "b"]) == {"train": ["b"], "valid": ["a"], "test": ["c"]}
    continents = partition(list(CONTINENTS))
    assert set(continents["train"]) == {"North America", "Asia", "Europe", "Oceania"}
    assert (continents["valid"], continents["test"]) == (["Africa"], ["South America"])
    cities = sorted(city for members in CONTINENTS.values() for city in members)
    assert len(set(cities)) == 50
    assert [len(units) for units in partition(cities).values()] == [35, 8, 7]


def test_by_city_and_by_continent_no_city_is_on_two_sides():
    counts = {city: 2 for members in CONTINENTS.values() for city in members}
    for how in ("by_city", "by_continent"):
        sides = [{city for city, _ in members} for members in divide(counts, how).values()]
        assert sum(map(len, sides)) == 50
        assert len(set.union(*sides)) == 50
    by_continent = divide(counts, "by_continent")
    assert {city for city, _ in by_continent["test"]} == set(CONTINENTS["South America"])
    assert sorted(tile for members in divide(counts, "random").values() for tile in members) == sorted(
        (city, n) for city in counts for n in range(2)
    )


def test_a_share_of_the_tiles_stays_in_order_and_is_never_empty():
    """Acceptance check 30, for shares of any size."""
    assert len(fraction_of(range(6144), 0.1)) == 614
    assert fraction_of(range(8), 0.01) == [1]
    assert fraction_of(range(8), 0.5) == [0, 1, 5, 7] == sorted(np.random.RandomState(42).permutation(8)[:4])
    assert fraction_of(range(8), 1.0) == list(range(8))


def test_published_tiles_come_in_the_order_of_the_models_bands(tmp_path):
    opened = fifty_cities(root=tiles(tmp_path, {"Athens": 20})).open([S1, S2], context=DEFAULT)
    assert {split: len(samples) for split, samples in opened.splits.items()} == {"train": 14, "valid": 3, "test": 3}
    sample = opened.splits["train"][0]
    assert sample.sample.arrays["sentinel1"][0, 0, 0].tolist() == [-11, -17]
    assert sample.sample.arrays["sentinel2_l2a"][0, 0, 0].tolist() == [TWELVE.index(b) + 1 for b in S2.band_order]
    assert sample.sample.presence["sentinel2_l2a"].all()
    assert sample.sample.timestamps.tolist() == [[1, 6, 2020]]
    assert (len(opened.classes), sample.group) == (13, "Athens")
    assert opened.statistics["sentinel1"]["vv"].mean == -10.663


def test_images_of_cities_become_tiles(published, tmp_path):
    out = tmp_path / "out"
    lines = list(fifty_cities().prepare(str(published), str(out)))
    assert lines == ["palette: 5 colours, 3 classes", "Athens: 5 tiles", "Cairo: 5 tiles", "Lima: 5 tiles"]
    assert json.loads((out / "manifest.json").read_text())["counts"] == {"Athens": 5, "Cairo": 5, "Lima": 5}
    assert np.load(out / "palette.npy").tolist()[0] == [0, 0, 0]
    assert json.loads((out / "colormap.json").read_text())["0"] == [30, 30, 200]
    tile = torch.load(out / "tiles" / "Athens" / "1.pt", weights_only=True)
    assert (tile["row"], tile["col"], tile["s2"].dtype, tile["label"].dtype) == (0, 2, torch.int32, torch.int16)
    assert tile["s1"][:, 3:6, 2:5].diagonal(dim1=1, dim2=2).round().tolist() == [[-60, -10, -60], [-20, -60, -20]]
    assert tile["label"].unique().tolist() == [-1, 0]
    first = torch.load(out / "tiles" / "Athens" / "0.pt", weights_only=True)["label"]
    assert (first[0, 0], first[2, 2], first[2, 3], first[2, 4]) == (2, 2, -1, -1)


def test_what_was_filled_in_is_absent_but_in_the_reference(published, tmp_path):
    list(fifty_cities().prepare(str(published), str(tmp_path / "out")))
    benchmark = fifty_cities(root=str(tmp_path / "out"), split="by_city")
    default, reference = (benchmark.open([S1, S2], context=c).splits["train"] for c in (DEFAULT, REFERENCE))
    assert reference[1].sample.presence["sentinel1"].all()
    gaps = np.argwhere(~default[1].sample.presence["sentinel1"])
    assert gaps.tolist() == [[3, 2, 0, 1], [4, 3, 0, 0], [5, 4, 0, 1]]
    assert default[1].sample.arrays["sentinel1"][3, 2, 0].round().tolist() == [-20, 0]
    assert (~default[0].sample.presence["sentinel2_l2a"]).sum() == 12
    assert {x.group for x in default} == {"Cairo"}


def test_a_second_run_makes_only_what_is_missing(published, tmp_path):
    out = tmp_path / "out"
    list(fifty_cities().prepare(str(published), str(out)))
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.pt")}
    (out / "tiles" / "Cairo" / "3.pt").unlink()
    list(fifty_cities().prepare(str(published), str(out)))
    after = {p: p.stat().st_mtime_ns for p in out.rglob("*.pt")}
    assert [p.name for p in after if after[p] != before[p]] == ["3.pt"]
    assert set(before) == set(after)


def test_pixels_take_the_nearest_frequent_colour():
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    picture[:50] = (250, 0, 0)
    picture[99, 199] = (120, 0, 0)
    packed = palette.packed(picture)
    colours = palette.frequent([packed[:60], packed[60:]])
    assert palette.unpacked(colours).tolist() == [[0, 0, 0], [250, 0, 0]]
    labels = palette.labels(packed, colours)
    assert (labels[0, 0], labels[99, 0], labels[99, 199], labels.shape) == (0, -1, -1, (100, 200))


def test_a_colour_of_one_pixel_in_ten_thousand_is_frequent_enough():
    picture = np.zeros((100, 100), dtype=np.int64)
    picture[5, 5] = 77
    assert palette.frequent([picture]).tolist() == [0, 77]
    assert palette.frequent([picture, np.zeros(1, dtype=np.int64)]).tolist() == [0]


def test_power_becomes_decibel_with_a_floor():
    power = np.array([1.0, 0.1, 1e-6, 1e-9, 0, -3, np.nan], dtype=np.float32)
    assert np.allclose(decibel(power), [0, -10, -60, -60, -60, -60, -60], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"label": torch.full((64, 64), 13)}, "label: labels from 13 to 13"),
        ({"label": torch.zeros(64, 64)}, "expected whole numbers"),
        ({"s1": torch.zeros(3, 64, 64)}, r"s1: has shape \[3, 64, 64\]"),
        ({"s2": None}, "s2: found a NoneType"),
    ],
)
def test_other_tiles_are_refused_by_name(tmp_path, parts, said):
    opened = fifty_cities(root=tiles(tmp_path, {"Athens": 3}, **parts)).open([S1, S2], context=DEFAULT)
    with pytest.raises(DataError, match=rf"tiles/Athens/\d.pt.*{said}"):
        opened.splits["train"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"counts": {"../../etc": 3}}, "found '../../etc'"),
        ({"counts": {"Athens": "3"}}, "found 'Athens' with 3"),
        ({"counts": {"Athens": 10**9}}, "1000000000 tiles"),
        ({"counts": [3]}, "counts"),
        ({"tile_size": 32}, "tile_size"),
        ({"num_classes": 1}, "num_classes"),
        ({"counts": {"Athens": 1}}, "no tile for"),
    ],
)
def test_other_manifests_are_refused_by_name(tmp_path, change, said):
    tiles(tmp_path, {"Athens": 3})
    facts = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**facts, **change}))
    with pytest.raises(DataError, match=said):
        fifty_cities(root=str(tmp_path)).open([S1], context=DEFAULT)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: (root / "Cairo/S1.tif").unlink(), "Cairo/S1.tif is no readable image"),
        (lambda root: (root / "Cairo/label.png").write_bytes(b"GIF89a"), "Cairo/label.png is no readable image"),
        (lambda root: (root / "Cairo/S2.tif").write_bytes((root / "Cairo/S1.tif").read_bytes()), r"S2.tif: \[2, 140"),
        (lambda root: [p.unlink() for p in root.rglob("label.png")], "no <City>/label.png"),
    ],
)
def test_damaged_cities_are_refused_by_name(published, tmp_path, harm, said):
    harm(published)
    with pytest.raises(DataError, match=said):
        list(fifty_cities().prepare(str(published), str(tmp_path / "out")))
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_it_works_in_memory_and_goes_to_other_processes(published, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fsspec.filesystem("memory").put(str(published), "/cities-raw", recursive=True)
    list(fifty_cities().prepare("memory://cities-raw", "memory://cities-out"))
    list(fifty_cities().prepare(str(published), str(tmp_path / "out")))
    monkeypatch.setenv("FIFTY_CITIES_DIR", "memory://cities-out")
    there = fifty_cities(label_fraction=0.5).open([S1, S2], context=DEFAULT).splits["train"]
    here = fifty_cities(root=str(tmp_path / "out"), label_fraction=0.5).open([S1, S2], context=DEFAULT).splits["train"]
    there = pickle.loads(pickle.dumps(there))
    assert [x.name for x in there] == [x.name for x in here]
    assert len(here) == 5
    assert all(
        np.array_equal(a.sample.arrays[m], b.sample.arrays[m])
        for a, b in zip(here, there, strict=True) for m in a.sample.arrays
    )  # fmt: skip


def test_arguments_are_checked_before_anything_is_read():
    with pytest.raises(ConfigError, match="random, by_city, by_continent"):
        fifty_cities(split="by_country")
    for fraction in (0, -0.1, 1.1):
        with pytest.raises(ConfigError, match="label_fraction"):
            fifty_cities(label_fraction=fraction)
    with pytest.raises(DataError, match='on which continent "Atlantis"'):
        divide({"Atlantis": 3}, "by_continent")
