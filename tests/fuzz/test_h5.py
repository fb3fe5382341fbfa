"""A damaged or hostile folder of sample files: values, or an error that names the file; never a crash or a hang."""

import json
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz_stores import listing
from fuzzing import QUIET, folder, fuzzed, named

from olmoearth_core.care.compare import compare
from olmoearth_core.care.merge import merge
from olmoearth_core.care.sheet import sheet
from olmoearth_core.care.statistics import measure
from olmoearth_core.care.subset import Choice, read_indices, subset
from olmoearth_core.care.verify import verify
from olmoearth_core.cli.dataset_report import lines
from olmoearth_core.convert.verify import verify as describe
from olmoearth_core.data.dataset import Crop, OlmoEarthDataset
from olmoearth_core.data.folder import find
from olmoearth_core.errors import DataError
from olmoearth_core.lookup import modalities
from olmoearth_core.testing.damage import damaged
from olmoearth_core.testing.sample_sets import write_set

pytestmark = QUIET
NAMES = ("sentinel1", "worldcover", "srtm")
SPECS = {spec.name: spec for spec in modalities(NAMES)}
CROP = Crop(patch_size=4, patches=2, steps=3)
TABLES = ("sample_metadata.csv", "latlon_distribution.npy", "compression_settings.json", "manifest.json",
          "manifest.jsonl", "manifest.sqlite")  # fmt: skip


@pytest.fixture(scope="module")
def kept():
    with folder() as place:
        yield write_set(Path(place) / "set", list(SPECS.values()), 2, side=16, gaps=True)


@pytest.fixture
def found(kept, tmp_path):
    top = shutil.copytree(kept.parents[2], tmp_path / "in" / "set")
    return top / kept.relative_to(kept.parents[2])


def load(place, **options):
    data = OlmoEarthDataset(str(place), list(NAMES), **options)
    data.prepare()
    return [data.sample(int(index), CROP) for index in data.indices]


def everything(place, out):
    """All that looks at a data set; each gives values or names a file of it."""
    names = (*TABLES, "sample_0.h5", "sample_1.h5", "source_indices.npy", "none of its 2 samples")
    deeds = (
        lambda: load(place),
        lambda: load(place, normalize=False, dtype="float16"),
        lambda: measure(str(place), SPECS),
        lambda: sheet(find(str(place)), 0, SPECS),
        lambda: compare(str(place), str(place), storage=True),
        lambda: subset(str(place), out / "part", Choice(number=1), copy=True),
        lambda: subset(str(place), out / "less", Choice(modalities=("srtm",), months=((2019, 1), (2021, 1)))),
        lambda: list(lines(describe(str(place), SPECS), SPECS)),
    )
    for deed in deeds:
        with named(*names):
            deed()
    return verify(str(place), SPECS)


def hurt(place, name, content, seed):
    (place / name).write_bytes(damaged(content, seed)[1])
    try:
        with folder() as out:
            verdict = everything(place, Path(out))
    finally:
        (place / name).write_bytes(content)
    if (
        name not in ("compression_settings.json", "manifest.json", "manifest.sqlite")
        and damaged(content, seed)[1] != content
    ):
        assert any(name in str(problem) for problem in verdict.problems) or name in TABLES


def test_the_undamaged_set_is_whole(kept, tmp_path):
    verdict = everything(kept, tmp_path)
    assert verdict.problems == []
    assert len(load(kept)) == 2


@fuzzed(24)
def test_a_damaged_sample_file_is_found_by_name(kept, seed):
    hurt(kept, "sample_0.h5", (kept / "sample_0.h5").read_bytes(), seed)


@pytest.mark.slow
@fuzzed(3000)
def test_a_damaged_sample_file_is_found_by_name_at_length(kept, seed):
    hurt(kept, "sample_0.h5", (kept / "sample_0.h5").read_bytes(), seed)


@pytest.mark.parametrize("name", TABLES)
@fuzzed(10)
def test_a_damaged_table_is_found_by_name(kept, name, seed):
    hurt(kept, name, (kept / name).read_bytes(), seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
@fuzzed(400)
def test_a_damaged_table_is_found_by_name_at_length(kept, name, seed):
    hurt(kept, name, (kept / name).read_bytes(), seed)


def put(change):
    def changed(file, name, _):
        old = file[name][()]
        del file[name]
        file[name] = change(old)

    return changed


def declared(shape, **options):
    def changed(file, name, _):
        kind = file[name].dtype
        del file[name]
        file.create_dataset(name, shape, kind, **options)

    return changed


def texts(file, name, _):
    del file[name]
    file.create_dataset(name, data=np.array(["a"] * 4, object), dtype=h5py.string_dtype())


def elsewhere(file, name, secret):
    del file[name]
    file[name] = h5py.ExternalLink(str(secret), name)


def outside(file, name, secret):
    shape, kind = file[name].shape, file[name].dtype
    del file[name]
    file.create_dataset(name, shape, kind, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file, name, secret):
    layout = h5py.VirtualLayout(file[name].shape, file[name].dtype)
    layout[...] = h5py.VirtualSource(str(secret), name, file[name].shape)
    del file[name]
    file.create_virtual_dataset(name, layout)


def group(file, name, _):
    del file[name]
    file.create_group(name)


def circle(file, name, _):
    del file[name]
    file[name] = h5py.SoftLink(f"/{name}")


HOSTILE = {
    "complex": put(lambda a: a.astype(np.complex64)),
    "flat": put(lambda a: a.ravel()),
    "a number": put(lambda a: a.ravel()[0]),
    "empty": put(lambda a: a[:0]),
    "an axis more": put(lambda a: a[None]),
    "records": put(lambda a: np.zeros(3, [("a", "i4"), ("b", "f8")])),
    "texts": texts,
    "a link elsewhere": elsewhere,
    "values elsewhere": outside,
    "a virtual array": virtual,
    "a group": group,
    "a link in a circle": circle,
    "10^12 values in one piece": declared((10**6, 10**6)),
    "10^12 values in pieces": declared((10**6, 10**6, 1, 1), chunks=(64, 64, 1, 1)),
    "more than 64 bits of bytes": declared((2**62, 16, 1, 1), chunks=(1, 16, 1, 1)),
    "a huge piece": declared((16, 16, 1, 1), chunks=(2**12, 2**12, 8, 4), maxshape=(None,) * 4),
    "32 axes": declared((1,) * 32),
}


@pytest.mark.parametrize("name", ["srtm", "sentinel1", "timestamps", "latlon", "missing_timesteps_masks/sentinel1"])
@pytest.mark.parametrize("deed", HOSTILE)
def test_a_hostile_array_is_refused_and_found(found, tmp_path, name, deed):
    if (deed, name.split("/")[0]) == ("flat", "missing_timesteps_masks") or (deed, name) == ("flat", "latlon"):
        pytest.skip("it is flat")
    secret = tmp_path / "secret.h5"
    shutil.copyfile(found / "sample_0.h5", secret)
    with h5py.File(found / "sample_0.h5", "r+") as file:
        HOSTILE[deed](file, name, secret)
    before = listing(tmp_path / "in")
    assert any("sample_0.h5" in str(problem) for problem in everything(found, tmp_path / "out").problems)
    assert listing(tmp_path / "in") == before
    if name != "latlon":
        # The loader takes places from the table.
        with pytest.raises(DataError, match=r"sample_0\.h5"):
            load(found)


class Code:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/never-made-by-fuzz"),))


ARRAYS = {
    "pickle": pickle.dumps(Code()),
    "nothing": b"",
    "a zip": b"PK\3\4" + bytes(40),
    "no numbers": None,
    "10^12 values": b"\x93NUMPY\x01\x00\x76\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2), }".ljust(117) + b"\n",
    "no header": b"\x93NUMPY\x01\x00\x04\x00}{(\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_that_is_none_is_refused_and_nothing_in_it_runs(found, tmp_path, kind):
    for path in (found / "latlon_distribution.npy", tmp_path / "keep.npy"):
        if ARRAYS[kind] is None:
            np.save(path, np.array([Code(), 1], object), allow_pickle=True)
        else:
            path.write_bytes(ARRAYS[kind])
    with pytest.raises(DataError, match="latlon_distribution"):
        load(found)
    with pytest.raises(DataError, match=r"keep\.npy"):
        load(found, filter_idx_file=str(tmp_path / "keep.npy"))
    with pytest.raises(DataError, match=r"keep\.npy"):
        read_indices(tmp_path / "keep.npy")
    assert any("latlon_distribution" in str(problem) for problem in verify(str(found), SPECS).problems)
    assert not Path("/tmp/never-made-by-fuzz").exists()


@pytest.mark.parametrize(
    "text", ["[]", "{", "7", '{"srtm": 3}', '{"srtm": {"srtm": {"mean": "x"}}}', "\0", "[" * 10**5]
)
def test_statistics_that_are_none_are_refused_by_name(found, tmp_path, text):
    (tmp_path / "stats.json").write_text(text)
    with pytest.raises(DataError, match=r"stats\.json"):
        load(found, stats=str(tmp_path / "stats.json"))


@pytest.mark.parametrize(
    "text", ["[]", "7", "null", "[1]\n", '{"file": 7}\n', '{"about": 1, "plugins": [], "quarantined": 3}']
)
@pytest.mark.parametrize("name", ["manifest.json", "manifest.jsonl"])
def test_a_manifest_of_another_form_stops_nothing_without_a_name(found, tmp_path, name, text):
    (found / name).write_text(text)
    everything(found, tmp_path)


def test_a_damaged_set_is_not_merged_and_says_which_file(found, kept, tmp_path):
    (found / "sample_1.h5").write_bytes((found / "sample_1.h5").read_bytes()[:3000])
    with pytest.raises(DataError, match=r"sample_1\.h5"):
        merge([str(found), str(kept)], tmp_path / "out")


def test_settings_are_copied_whatever_they_hold(found, tmp_path):
    (found / "compression_settings.json").write_bytes(b"\xff\0{")
    made = subset(str(found), tmp_path / "out", Choice(number=1))
    assert (made / "compression_settings.json").read_bytes() == b"\xff\0{"
    assert json.loads((made / "provenance.json").read_text())["num_samples"] == 1
