"""Tiles in a bucket are the tiles on the disk."""

import numpy as np
import pytest
import torch
from olmoearth_benchmarks.fifty_cities import fifty_cities
from olmoearth_benchmarks.mados import mados
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.interfaces.evaluation import Context
from olmoearth_core.testing import buckets

S2 = sentinel2_l2a()


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with buckets.bucket("dense", monkeypatch) as filesystem:
        yield filesystem


def test_tiles_in_a_bucket_are_the_tiles_on_the_disk(bucket, tmp_path):
    images = torch.rand(2, 80, 80, 13, generator=torch.Generator().manual_seed(0))
    for split in ("train", "val", "test"):
        torch.save({"images": images, "labels": torch.zeros(2, 80, 80)}, tmp_path / f"MADOS_{split}.pt")
        bucket.put(str(tmp_path / f"MADOS_{split}.pt"), f"dense/mados/MADOS_{split}.pt")
    here, there = (
        mados(root=r).open([S2], context=Context()).splits["test"] for r in (str(tmp_path), "s3://dense/mados")
    )
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.sample.arrays["sentinel2_l2a"], other.sample.arrays["sentinel2_l2a"])


def test_files_are_prepared_into_a_bucket(bucket, tmp_path):
    from rasterio import Affine
    from rasterio import open as raster

    label = np.zeros((4, 64, 256), dtype=np.uint8)
    label[0, :, ::2], label[1, :, 1::2] = 200, 200
    grid = {"height": 64, "width": 256, "transform": Affine(10, 0, 0, 0, -10, 0)}
    for name, driver, values in (
        ("S1.tif", "GTiff", np.ones((2, 64, 256), dtype=np.float32)),
        ("S2.tif", "GTiff", np.ones((12, 64, 256), dtype=np.uint16)),
        ("label.png", "PNG", label),
    ):
        with raster(tmp_path / name, "w", driver=driver, count=len(values), dtype=values.dtype.name, **grid) as file:
            file.write(values)
        bucket.put(str(tmp_path / name), f"dense/raw/Oslo/{name}")
    lines = list(fifty_cities().prepare("s3://dense/raw", "s3://dense/out"))
    assert lines == ["palette: 2 colours, 2 classes", "Oslo: 4 tiles"]
    opened = fifty_cities(root="s3://dense/out").open([S2], context=Context())
    assert {split: len(samples) for split, samples in opened.splits.items()} == {"train": 2, "valid": 1, "test": 1}
    assert opened.splits["train"][0].label[0, :3].tolist() == [1, 0, 1]
    assert not [name for name in bucket.find("dense/out") if name.endswith(".part")]
