"""What `olmoearth benchmarks check` finds in data of which we know what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from olmoearth_core.data.sample import Sample
from olmoearth_core.errors import DataError
from olmoearth_core.evaluate.soundness import examine
from olmoearth_core.interfaces.evaluation import LabelledSample, Opened
from olmoearth_core.interfaces.modality import BandSet, ModalitySpec

SPEC = ModalitySpec("toy", (BandSet(("a", "b"), 1),), 1, True, valid_range=(0, 10))


def one(number, label=0, *, dates=((1, 6, 2020),), group="", **changed):
    values = np.full((2, 2, 1, 2), number % 10, np.float32)
    values[0, 0, 0, 0] = number / 100
    for place, value in changed.items():
        values[0, 0, 0, int(place == "b")] = value
    sample = Sample(
        {"toy": values}, {"toy": np.ones((1, 1, 1, 1), bool)}, np.array(dates, np.int32), np.zeros(2), number
    )
    return LabelledSample(sample, np.asarray(label), group, f"file {number}")


def splits(**parts):
    return Opened({"train": [one(1, 0), one(2, 1)], "valid": [one(3)], "test": [one(4)], **parts}, ("x", "y"))


def report(opened, task_type="classification", **options):
    return examine(opened, task_type, [SPEC], **options)


def faults(opened, task_type="classification"):
    return report(opened, task_type).faults


def test_sound_data_has_no_faults_and_is_counted():
    found = report(splits())
    assert (found.faults, found.notes) == ([], [])
    train = found.splits[0]
    assert (train.samples, train.read, dict(train.labels)) == (2, 2, {0: 1, 1: 1})
    assert (train.ranges["toy", "b"].low, train.ranges["toy", "b"].high) == (1, 2)
    assert train.absent_share == 0


def test_only_so_many_samples_are_read_as_asked_for():
    found = report(splits(train=[one(n, n % 2) for n in range(5, 9)]), most=1)
    assert [facts.read for facts in found.splits] == [1, 1, 1]
    assert found.splits[0].samples == 4


def test_the_same_sample_in_two_splits_is_a_fault_and_within_one_a_note():
    (fault,) = faults(splits(test=[one(2)]))
    assert "test, file 2: is the same sample as train, file 2" in fault
    twins = report(splits(train=[one(1), replace(one(1), name="copy"), one(2, 1)]))
    assert twins.faults == []
    assert twins.notes == ["train, copy: is the same sample as train, file 1"]


def test_values_that_are_no_numbers_are_faults_unless_nothing_is_there():
    (fault,) = faults(splits(valid=[one(3, a=np.nan)]))
    assert "valid, file 3: toy has 1 of 8 values that are not finite" in fault
    absent = one(3, a=np.inf)
    absent.sample.presence["toy"][:] = False
    (fault,) = faults(splits(valid=[absent]))
    assert "values where nothing is there, expected 0" in fault


def test_absent_values_are_a_share_of_all():
    absent = one(3, a=0)
    absent.sample.arrays["toy"][:] = 0
    absent.sample.presence["toy"][:] = False
    found = report(splits(valid=[absent, one(5)]))
    assert found.faults == []
    assert found.splits[1].absent_share == 0.5


def test_values_in_another_unit_are_a_fault_unless_the_benchmark_says_so():
    opened = splits(test=[one(4, a=900)])
    (fault,) = faults(opened)
    assert "test: 25.0% of the values of toy a (4 to 900) lie outside 0 to 10" in fault
    assert faults(replace(opened, foreign={"toy": "parts of a thousand"})) == []


@pytest.mark.parametrize(
    ("task_type", "label", "words"),
    [
        ("classification", 2, "holds 2 to 2, expected 0 to 1"),
        ("classification", -1, "holds -1 to -1, expected 0 to 1"),
        ("segmentation", [[-2, 0]], "holds -2 to 0, expected -1 to 1"),
        ("segmentation", [[0.5]], "is of float64, expected whole numbers"),
        ("multilabel", [0, 2], "expected 0 or 1 of 2 classes"),
        ("multilabel", [0, 1, 1], "expected 0 or 1 of 2 classes"),
        ("regression", [[np.inf]], "infinite"),
    ],
)
def test_labels_that_the_task_cannot_have_are_faults(task_type, label, words):
    (fault,) = report(Opened({"train": [one(1, label)]}, ("x", "y")), task_type).faults
    assert words in fault


def test_labels_of_every_task_are_counted():
    found = report(Opened({"train": [one(1, [0, 1]), one(2, [1, 1])]}, ("x", "y")), "multilabel")
    assert dict(found.splits[0].labels) == {0: 1, 1: 2}
    found = report(Opened({"train": [one(1, [[-1, 0]]), one(2, [[1, 1]])]}, ("x", "y")), "segmentation")
    assert (dict(found.splits[0].labels), found.splits[0].ignored) == ({0: 1, 1: 2}, 1)
    found = report(Opened({"train": [one(1, np.nan), one(2, 3.5)]}), "scalar_regression")
    assert (found.splits[0].target.low, found.splits[0].ignored, found.faults) == (3.5, 1, [])


def test_a_sample_that_cannot_be_read_and_an_empty_split_are_faults():
    class Torn(list):
        def __getitem__(self, at):
            raise DataError("x.h5: torn")

    first, second = faults(splits(valid=Torn([1]), test=[]))
    assert first == "valid, sample 0: cannot be read: x.h5: torn"
    assert second.startswith("test: has no sample")


def test_dates_and_shapes_are_looked_at():
    assert "expected day 1-31, month 0-11" in faults(splits(test=[one(4, dates=((1, 12, 2020),))]))[0]
    found = report(Opened({"train": [one(1, [[0]]), one(2, [[0, 1]])]}, ("x", "y")), "segmentation")
    assert "labels have the shapes [(1, 1), (1, 2)]" in found.faults[0]


def test_classes_and_groups_that_make_a_score_doubtful_are_notes():
    found = report(splits(train=[one(1, group="g")], test=[one(4, 1, group="g")]))
    assert found.notes == [
        "test has classes that train has not: y",
        "train and test share 1 groups, such as g: they are neighbours",
    ]
    assert report(Opened({"all": [one(1)]}, ("x", "y"))).notes == ["never seen: y"]
