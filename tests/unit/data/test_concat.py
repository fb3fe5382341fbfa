import pytest

from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.concat import ConcatDataset
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.data.loader import Loader
from olmoearth_core.errors import ConfigError

S2 = ["sentinel2_l2a"]


def joined(*folders, **options) -> ConcatDataset:
    dataset = ConcatDataset([OlmoEarthDataset(str(folder), S2, **options) for folder in folders])
    dataset.prepare()
    return dataset


def test_samples_are_numbered_through(make_set):
    two, one = make_set(2, root="a"), make_set(1, root="b")
    dataset = joined(two, one)
    places = [dataset.path(index) for index in (0, 1, 2, -1)]
    assert places == [f"{two}/sample_0.h5", f"{two}/sample_1.h5", f"{one}/sample_0.h5", f"{one}/sample_0.h5"]
    assert dataset.latlons[:, 0].tolist() == [45.0, 46.0, 45.0]
    with pytest.raises(IndexError):
        dataset.path(3)


def test_a_share_is_taken_of_each_part(make_set):
    folders = make_set(20, size=8, steps=1, root="a"), make_set(100, size=8, steps=1, root="b")
    assert len(joined(*folders, dataset_percentage=0.5)) == 60


def test_parts_with_other_modalities_are_refused(make_set):
    with pytest.raises(ConfigError, match="Both must be alike"):
        ConcatDataset([OlmoEarthDataset("/a", S2), OlmoEarthDataset("/b", ["sentinel1"])])


def test_a_loader_reads_all_parts(make_set):
    dataset = joined(make_set(3, root="a"), make_set(2, root="b"))
    small = DataLoaderSettings(global_batch_size=5, max_patch_size=2, sampled_hw_p_list=[2])
    (batch,) = Loader(dataset, small).epoch(1)
    assert sorted(batch.indices) == [0, 1, 2, 3, 4]
