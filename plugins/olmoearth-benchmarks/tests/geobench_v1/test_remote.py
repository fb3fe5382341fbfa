"""The same samples from memory and from an object store as from the disk."""

import fsspec
import numpy as np
import pytest
from olmoearth_benchmarks.m_eurosat import m_eurosat
from olmoearth_sentinel2.l2a import sentinel2_l2a

from olmoearth_core.interfaces.evaluation import Context
from olmoearth_core.testing import buckets

S2 = sentinel2_l2a()


@pytest.fixture
def bucket(monkeypatch):
    with buckets.bucket("bench", monkeypatch) as filesystem:
        yield filesystem


def same(root, url):
    here, there = (m_eurosat(root=str(place)).open([S2], context=Context()) for place in (root, url))
    assert (here.classes, here.statistics) == (there.classes, there.statistics)
    for split, samples in here.splits.items():
        for one, other in zip(samples, there.splits[split], strict=True):
            assert (one.name, int(one.label)) == (other.name, int(other.label))
            np.testing.assert_array_equal(one.sample.arrays["sentinel2_l2a"], other.sample.arrays["sentinel2_l2a"])


def test_a_folder_in_memory_is_read_like_one_on_the_disk(make):
    make.dataset("m-eurosat", lambda n: n)
    memory = fsspec.filesystem("memory")
    memory.put(str(make.root), "/geobench", recursive=True)
    same(make.root, "memory://geobench")
    same(make.root, "memory://geobench/classification_v1.0/m-eurosat")
    memory.rm("/geobench", recursive=True)


def test_a_bucket_is_read_like_a_folder_and_prepared_in_place(make, bucket):
    make.dataset("m-eurosat", lambda n: n)
    bucket.put(str(make.root), "bench/geobench", recursive=True)
    same(make.root, "s3://bench/geobench")
    list(m_eurosat().prepare("s3://bench/geobench", "s3://bench/geobench"))
    same(make.root, "s3://bench/geobench")
    assert not [name for name in bucket.find("bench") if ".part" in name]
