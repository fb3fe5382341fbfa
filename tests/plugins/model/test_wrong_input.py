"""What a user can get wrong in a batch is answered with a sentence, by the encoder and by the whole model."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core import Batch
from olmoearth_core.data.sample import ViewCounts
from olmoearth_core.errors import DataError

NAMES = ("sentinel2_l2a", "sentinel1")


@pytest.fixture
def batch(kit):
    specs = [spec for spec in kit.nine() if spec.name in NAMES]
    return kit.batch(specs, kit.single_sets(), steps=3)


@pytest.fixture(scope="module")
def three_groups(kit):
    """An encoder that makes three tokens of an optical patch."""
    return kit.encoder(["sentinel2_l2a"])[0]


def array(change, name="sentinel2_l2a"):
    return lambda b: replace(b, arrays={**b.arrays, name: change(b.arrays[name])})


def mask(change, name="sentinel2_l2a"):
    return lambda b: replace(b, masks={**b.masks, name: change(b.masks[name])})


def times(change):
    return lambda b: replace(b, timestamps=change(b.timestamps))


def with_nan(x):
    x = x.clone()
    x[0, 0, 0, 0, 0] = torch.nan
    return x


WRONG = {
    "no batch": (lambda b: dict(b.arrays), "found a dict, expected a Batch"),
    "no modality": (lambda b: replace(b, arrays={}), "holds no arrays, expected some of sentinel2_l2a, sentinel1"),
    "unknown modality": (
        lambda b: replace(b, arrays={"sentinel_1": b.arrays["sentinel1"]}),
        'sentinel_1: found among .* built for sentinel2_l2a.* Did you mean "sentinel1"',
    ),
    "arrays in a list": (lambda b: replace(b, arrays=list(b.arrays.values())), "arrays: found list, expected a dict"),
    "bands": (
        array(lambda x: x[..., :10]),
        r"shape \(2, 8, 8, 3, 10\), expected 5 axes \[B,H,W,T,C\], .* 12 bands in the order B02, .*, B09",
    ),
    "axes": (array(lambda x: x[0]), r"shape \(8, 8, 3, 12\), expected 5 axes"),
    "size": (array(lambda x: x[:, :6]), "6 x 8 pixels cannot be cut into patches of 4 x 4 pixels. Crop or pad"),
    "samples": (array(lambda x: x[:1], "sentinel1"), "sentinel1: the array has 1 samples, the timestamps have 2"),
    "steps": (array(lambda x: x[:, :, :, :2]), "the array has 2 time steps, the timestamps 3, .* its mask is 3"),
    "places": (array(lambda x: x[:, :4], "sentinel1"), "the same for all modalities of a batch. Crop or"),
    "whole numbers": (array(lambda x: (x * 3000).short()), "of type int16, expected normalised .*embed normalises"),
    "complex numbers": (array(lambda x: x.to(torch.complex64), "sentinel1"), "values of type complex64, .*abs"),
    "numpy": (array(lambda x: x.numpy()), "found a ndarray among the arrays, expected a torch.Tensor"),
    "nan": (array(with_nan), "found NaN or infinite values in the array, expected normalised values, 0 where"),
    "infinity": (array(lambda x: x / 0), "found NaN or infinite values"),
    "another device": (array(lambda x: x.to("meta")), "found on the device meta, but the timestamps are on cpu"),
    "all on another device": (lambda b: b.to("meta"), r'on the device meta, the model on cpu, .*batch.to\("cpu"\)'),
    "mask of another width": (
        mask(lambda m: m.expand(2, 8, 8, 3, 5)),
        r"mask has shape \(2, 8, 8, 3, 5\), but patches of 4 pixels need \[B, 2, 2, 3, 1\]",
    ),
    "mask of another size": (mask(lambda m: m[:, :5, :5]), r"mask has shape \(2, 5, 5, 3, 1\)"),
    "mask of fewer samples": (mask(lambda m: m[:1]), r"mask has shape \(1, 8, 8, 3, 1\), expected 2 samples first"),
    "mask of bools": (mask(lambda m: m == 0), r"mask of type bool, .* torch.where\(visible, 0, 1\)"),
    "mask of fractions": (mask(lambda m: m + 0.5), "found other numbers than the four codes in the mask, expected 0"),
    "mask of other codes": (mask(lambda m: m + 4), "found other numbers than the four codes"),
    "mask of nan": (mask(lambda m: m * torch.nan), "found other numbers than the four codes"),
    "no mask": (lambda b: replace(b, masks={"sentinel1": b.masks["sentinel1"]}), "sentinel2_l2a: .* but not its mask"),
    "masks none": (lambda b: replace(b, masks=None), "masks: found NoneType, expected a dict"),
    "no dates": (times(lambda t: None), r"timestamps: found NoneType, expected whole numbers \[B,T,3\] = day 1 to 31"),
    "dates in a list": (times(lambda t: t.tolist()), "timestamps: found list"),
    "dates without years": (times(lambda t: t[..., :2]), r"timestamps: found the shape \(2, 3, 2\), expected whole"),
    "dates without samples": (times(lambda t: t[0]), r"timestamps: found the shape \(3, 3\)"),
    "dates of one sample": (times(lambda t: t[:1]), "the array has 2 samples, the timestamps have 1"),
    "dates as floats": (times(lambda t: t.float()), r"timestamps: found float32, .* Convert them with .long\(\)"),
    "months from 1": (times(lambda t: t * 0 + 12), "timestamps: found a month outside 0 to 11"),
    "years first": (times(lambda t: t.flip(-1)), "a day outside 0 to 31, expected .* in this order"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_batch_is_told_from_a_right_one_in_a_sentence(nano, batch, fault):
    spoil, message = WRONG[fault]
    wrong = spoil(batch)
    for called in (nano.encoder, nano, nano.target_encoder):
        with pytest.raises(DataError, match=message):
            called(wrong, patch_size=4)


@pytest.mark.parametrize("size", [4.0, "4", None, True, 0, -1, torch.tensor(4)])
def test_a_patch_size_must_be_a_whole_number(nano, batch, size):
    with pytest.raises(DataError, match=r"patch_size: found .* expected a whole number of pixels of at least 1"):
        nano.encoder(batch, patch_size=size)


def test_a_patch_size_that_the_weights_do_not_know_is_told_with_those_they_do(nano, batch):
    with pytest.raises(DataError, match="patch size 9 was asked for, but this encoder takes 1 to 8"):
        nano.encoder(batch, patch_size=9)


def test_doubles_and_halves_are_taken_as_what_they_are(nano, batch):
    exact = nano.encoder(batch, 4).pooled
    double = replace(batch, arrays={name: x.double() for name, x in batch.arrays.items()})
    half = replace(batch, arrays={name: x.half() for name, x in batch.arrays.items()})
    assert torch.equal(nano.encoder(double, 4).pooled, exact)
    assert torch.allclose(nano.encoder(half, 4).pooled, exact, atol=1e-2)


def test_masks_may_have_groups_or_bands_at_their_end_or_neither(nano, batch):
    name, full = "sentinel2_l2a", batch.masks["sentinel2_l2a"].clone()
    full[:, :4, :, 1], full[1, :, :, 2] = 2, 3
    forms = [full, full[..., 0], full.expand(2, 8, 8, 3, 12), full[:, ::4, ::4], full[:, ::4, ::4, :, 0], full.float()]
    found = [nano.encoder(mask(lambda m, form=form: form)(batch), 4) for form in forms]
    for other in found[1:]:
        assert torch.equal(other.pooled, found[0].pooled)
        assert torch.equal(other.tokens[name], found[0].tokens[name])
        assert other.masks[name].shape == (2, 2, 2, 3, 1)
        assert torch.equal(other.masks[name], found[0].masks[name])
    assert not torch.allclose(found[0].pooled, nano.encoder(batch, 4).pooled)


def test_a_mask_of_bands_hides_the_groups_they_are_in(three_groups, kit):
    encoder, batch = three_groups, kit.batch(three_groups.patch_embeddings.specs)
    groups = torch.zeros(2, 8, 8, 3, 3, dtype=torch.int8)
    groups[..., 1] = 1
    bands = torch.zeros(2, 8, 8, 3, 12, dtype=torch.int8)
    bands[..., 4:10] = 1
    found = [encoder(replace(batch, masks={"sentinel2_l2a": m}), 4) for m in (groups, bands)]
    assert torch.equal(found[0].tokens["sentinel2_l2a"], found[1].tokens["sentinel2_l2a"])
    assert found[0].counts.encode == found[1].counts.encode


def test_bands_of_one_token_with_different_codes_are_refused(three_groups, kit):
    batch = kit.batch(three_groups.patch_embeddings.specs)
    bands = torch.zeros(2, 8, 8, 3, 12, dtype=torch.int8)
    bands[0, 0, 0, 0, 5] = 1
    with pytest.raises(DataError, match="bands of one token with different codes, expected one code per token"):
        three_groups(replace(batch, masks={"sentinel2_l2a": bands}), 4)


def test_a_batch_with_counts_is_not_looked_into(nano, kit, batch):
    masks = {name: m[:, ::4, ::4] for name, m in batch.masks.items()}
    counted = Batch(batch.arrays, masks, batch.timestamps, ViewCounts.of(masks))
    with torch.no_grad(), kit.Syncs() as told:
        nano.encoder(counted, 4)
    assert told.seen == []
    with torch.no_grad(), kit.Syncs() as told:
        nano.encoder(replace(counted, counts=None), 4)
    assert len(told.seen) <= 1
