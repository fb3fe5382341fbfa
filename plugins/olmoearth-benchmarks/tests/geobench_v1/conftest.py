"""Small folders in the exact layout of GEO-Bench v1, with pickles made of stand-in classes."""

import datetime
import json
import pickle
import sys
import types
from pathlib import Path

import h5py
import numpy as np
import pytest

SENTINEL2 = (
    "01 - Coastal aerosol", "02 - Blue", "03 - Green", "04 - Red", "05 - Vegetation Red Edge",
    "06 - Vegetation Red Edge", "07 - Vegetation Red Edge", "08 - NIR", "08A - Vegetation Red Edge",
    "09 - Water vapour", "10 - SWIR - Cirrus", "11 - SWIR", "12 - SWIR",
)  # fmt: skip
SPLITS = {"train": ["id_1", "id_2"], "valid": ["id_3"], "test": ["id_4"]}


class Pickles:
    """Writes pickles as GEO-Bench does, of classes that exist only while it writes."""

    def __init__(self):
        self.made = {}

    def thing(self, module, name, /, **attributes):
        """Return an object of a class of that name."""
        key = (module, name)
        if key not in self.made:
            self.made[key] = type(name, (), {"__module__": module, "__qualname__": name})
        one = self.made[key]()
        one.__dict__.update(attributes)
        return one

    def dumps(self, value):
        """Return the bytes of a pickle."""
        modules = {module for module, _ in self.made}
        every = {".".join(m.split(".")[: i + 1]) for m in modules for i in range(m.count(".") + 1)}
        before = {name: sys.modules.get(name) for name in every}
        try:
            for name in sorted(every):
                sys.modules[name] = types.ModuleType(name)
            for (module, name), made in self.made.items():
                setattr(sys.modules[module], name, made)
            return pickle.dumps(value, protocol=4)
        finally:
            for name, old in before.items():
                sys.modules.pop(name)
                if old is not None:
                    sys.modules[name] = old


@pytest.fixture
def pickles():
    return Pickles()


def sample_facts(pickles, keys, label, date, order=None):
    """Return the dict of the attribute `pickle`."""
    facts = {} if label is None else {"label": label}
    for key in keys:
        band = pickles.thing("geobench.dataset", "Sentinel2", name=key, alt_names=(key,), wavelength=0.5)
        facts[key] = {"date": date, "date_id": date, "spatial_resolution": 10, "band_info": band, "meta_info": None}
    return {**facts, "bands_order": list(order or keys)}


class Maker:
    """Makes dataset folders below one root."""

    def __init__(self, root, pickles):
        self.root, self.pickles = Path(root), pickles

    def sample(self, folder, name, planes, label, *, date=None, stamp=""):
        """Write one sample. stamp: what is added to the keys of bands."""
        keys = {f"{band}{stamp}": plane for band, plane in planes.items()}
        dense = isinstance(label, np.ndarray) and label.ndim == 2
        facts = sample_facts(self.pickles, keys, None if dense else label, date, [*keys, "label"] if dense else None)
        with h5py.File(folder / f"{name}.hdf5", "w") as file:
            for key, plane in keys.items():
                file[key] = plane
            if dense:
                file["label"] = label
            file.attrs["pickle"] = repr(self.pickles.dumps(facts))

    def dataset(self, name, label, *, kind="classification", bands=SENTINEL2, classes=10, side=8, dtype=np.int16,
                splits=None, partition="default", **options):  # fmt: skip
        """Write a whole dataset; sample n of band b has the value 100 n + b everywhere. label: n -> label."""
        folder = self.root / f"{kind}_v1.0" / name
        folder.mkdir(parents=True)
        splits = splits or SPLITS
        (folder / f"{partition}_partition.json").write_text(json.dumps(splits))
        for n, sample in enumerate(sorted({s for names in splits.values() for s in names})):
            planes = {band: np.full((side, side), 100 * n + b).astype(dtype) for b, band in enumerate(bands)}
            self.sample(folder, sample, planes, label(n), **options)
        stats = {b: {"mean": 50.0 + i, "std": 10.0 + i, "min": 0.0, "max": 500.0} for i, b in enumerate(bands)}
        (folder / "band_stats.json").write_text(json.dumps({**stats, "label": {"mean": 1.0}}))
        (folder / "task_specs.pkl").write_bytes(self.specs(name, bands, classes))
        return folder

    def specs(self, name, bands, classes):
        """Return the content of task_specs.pkl."""
        things = [self.pickles.thing("geobench.dataset", "Sentinel2", name=band, alt_names=(band,)) for band in bands]
        names = [f"kind {i}" for i in range(classes)]
        label = self.pickles.thing("geobench.label", "Classification", n_classes=classes, _class_names=names)
        return self.pickles.dumps(
            self.pickles.thing(
                "geobench.task", "TaskSpecifications", dataset_name=name, patch_size=(8, 8), n_time_steps=1,
                bands_info=things, label_type=label, eval_metrics=None, eval_loss=np.int64(3),
            )
        )  # fmt: skip


@pytest.fixture
def make(tmp_path, pickles):
    return Maker(tmp_path / "root", pickles)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Copies of remote files go into the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GEOBENCH_DIR", raising=False)


DAY = datetime.date(2018, 3, 9)
