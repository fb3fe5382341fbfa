"""What searchlight inference and tiling promise (spec/model_v1_3.md 2, checks 10 to 13)."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from olmoearth_core import modalities
from olmoearth_core.data.sample import Batch
from olmoearth_core.errors import ConfigError, DataError
from olmoearth_plugins.blocks.neighbourhood import Cells, box_starts
from olmoearth_plugins.blocks.searchlight import SearchlightSettings, searchlight_reach_px
from olmoearth_plugins.encoders.domain import Tiling, cut, embed_domain
from olmoearth_plugins.position_encodings.absolute import absolute
from olmoearth_plugins.position_encodings.rope import rope

EIGHT = SearchlightSettings(8)
PARTS = ("location_tokens", "student_location_tokens", "location_query_positions")


@pytest.fixture(scope="module")
def encoder(kit13):
    return kit13.encoder()


@pytest.mark.parametrize(("width", "expected"), [(4, [0, 0, 0, 1, 2, 2]), (3, [0, 0, 1, 2, 3, 3])])
def test_boxes_are_shifted_inward_at_the_edges(width, expected):
    assert box_starts(6, width) == expected


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_attention_in_boxes_is_attention_under_a_mask_whatever_fits_into_memory(data):
    box = data.draw(st.integers(1, 3))
    grid = data.draw(st.tuples(st.integers(box, 6), st.integers(box, 9)))
    per_query, per_key = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    chunk = data.draw(st.sampled_from([1, 3000, 1 << 20]))
    keys, queries = (Cells(grid, n, box, chunk, torch.device("cpu")) for n in (per_key, per_query))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 9)))
    q = torch.randn(queries.total, 2, 4, generator=generator)
    k, v = (torch.randn(keys.total, 2, 4, generator=generator) for _ in range(2))
    near = torch.zeros(grid[0] * grid[1], grid[0] * grid[1], dtype=torch.bool)
    rows, columns = box_starts(grid[0], box), box_starts(grid[1], box)
    for i in range(grid[0]):
        for j in range(grid[1]):
            view = near[i * grid[1] + j].view(grid)
            view[rows[i] : rows[i] + box, columns[j] : columns[j] + box] = True
    mask = near.repeat_interleave(per_query, 0).repeat_interleave(per_key, 1)
    parts = (x.transpose(0, 1) for x in (q, k, v))
    expected = torch.nn.functional.scaled_dot_product_attention(*parts, attn_mask=mask).transpose(0, 1)
    torch.testing.assert_close(keys.attend(q, k, v, queries, keys), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("patch", "query"), [(1, 1), (2, 2), (2, 1), (4, 4), (4, 2), (4, 1)])
def test_an_area_of_one_box_gives_the_ordinary_forward_pass(kit13, encoder, patch, query):
    batch = kit13.batch(samples=1, size=(16, 16), steps=2, missing_radar_step=1)
    call = {"patch_size": patch, "location_query_patch_size": query}
    lit, stock = encoder(batch, **call, searchlight=SearchlightSettings()), encoder(batch, **call)
    for name in kit13.names:
        torch.testing.assert_close(lit.tokens[name], stock.tokens[name], rtol=1e-5, atol=1e-5)
    for name in PARTS:
        torch.testing.assert_close(lit.extras[name], stock.extras[name], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(lit.pooled, stock.pooled, rtol=1e-5, atol=1e-5)


def test_samples_of_a_batch_are_areas_of_their_own(kit13, encoder):
    batch = kit13.batch(samples=2, size=(16, 24), steps=2)
    batch.masks["sentinel1"][1, :, :, 1] = 3
    both = encoder(batch, 4, searchlight=EIGHT)
    for i in range(2):
        alone = encoder(batch.rows(slice(i, i + 1)), 4, searchlight=EIGHT)
        for name in PARTS:
            torch.testing.assert_close(both.extras[name][i : i + 1], alone.extras[name], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(both.tokens["sentinel1"][i : i + 1], alone.tokens["sentinel1"], rtol=0, atol=1e-5)


def test_what_lies_beyond_the_reach_does_not_matter(kit13, encoder):
    reach = searchlight_reach_px(8, 4, 2, 1)
    batch = kit13.batch(samples=1, size=(8, 40), steps=2)
    first = encoder(batch, 4, searchlight=EIGHT).extras["location_tokens"]
    for array in batch.arrays.values():
        array[:, :, :4] += 1.0
    batch.memo.clear()
    moved = (encoder(batch, 4, searchlight=EIGHT).extras["location_tokens"] - first).abs().amax((0, 1, 3))
    assert (moved[: reach // 4 + 1] > 1e-6).all()
    # The resize of patches looks a few pixels past their edges, hence one patch more.
    assert (moved[reach // 4 + 2 :] == 0).all()


def test_the_memory_for_chunks_decides_no_number(kit13, encoder):
    batch = kit13.batch(samples=1, size=(16, 24), steps=2)
    tiny = SearchlightSettings(8, chunk_mb=0)
    found, expected = (encoder(batch, 2, searchlight=s).extras for s in (tiny, EIGHT))
    for name in PARTS:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=1e-5)


def test_the_largest_tensor_grows_with_the_area_and_not_with_its_square():
    def largest(side):
        sizes = []

        class Watch(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                out = func(*args, **(kwargs or {}))
                sizes.extend(x.numel() for x in (out if isinstance(out, tuple) else [out]) if torch.is_tensor(x))
                return out

        cells = Cells((side, side), 2, 2, 20_000, torch.device("cpu"))
        rows = torch.zeros(cells.total, 1, 4)
        with Watch():
            cells.attend(rows, rows, rows, cells, cells)
        return max(sizes)

    assert largest(32) <= 4 * largest(16)


def test_searchlight_runs_without_gradients_in_evaluation_mode(kit13):
    encoder = kit13.encoder(drop_path=0.5).train()
    encoder.enable_band_dropout()
    batch = kit13.batch(samples=1, size=(16, 24), steps=2)
    found = encoder(batch, 4, searchlight=EIGHT)
    assert not found.pooled.requires_grad
    assert encoder.training
    torch.testing.assert_close(found.pooled, encoder.eval()(batch, 4, searchlight=EIGHT).pooled, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("patch", "size", "light", "message"),
    [
        (4, (16, 24), SearchlightSettings(10), "must be a positive multiple of patch_size 4"),
        (4, (16, 24), SearchlightSettings(2), "must be a positive multiple of patch_size 4"),
        (4, (12, 24), SearchlightSettings(16), "3 x 6 patches of 4 pixels are smaller than the box of 4 x 4 patches"),
        (4, (18, 24), EIGHT, "18 x 24 pixels cannot be cut"),
    ],
)
def test_areas_and_boxes_that_do_not_fit_are_refused(kit13, encoder, patch, size, light, message):
    with pytest.raises((ConfigError, DataError), match=message):
        encoder(kit13.batch(samples=1, size=size, steps=2), patch, searchlight=light)


@pytest.mark.parametrize(("code", "found"), [(slice(0, 4), "2 to 4"), (slice(None), "0 to 0|nothing is visible")])
def test_patches_with_different_numbers_of_tokens_are_refused(kit13, encoder, code, found):
    batch = kit13.batch(samples=1, size=(16, 24), steps=2)
    for name in kit13.names if code == slice(None) else ["sentinel1"]:
        batch.masks[name][:, code] = 3
    with pytest.raises(DataError, match=found):
        encoder(batch, 4, searchlight=EIGHT)


def test_tokens_without_a_place_are_refused_unless_hidden(kit13):
    names = ["sentinel2_l2a", "era5_10"]
    encoder = kit13.recipe().build(modalities(names), kit13.tokenization).eval()
    batch = kit13.batch(names=names, samples=1, size=(16, 24), steps=2)
    with pytest.raises(DataError, match="era5_10 is visible"):
        encoder(batch, 4, searchlight=EIGHT)
    batch.masks["era5_10"][:] = 1
    assert encoder(batch, 4, searchlight=EIGHT).extras["location_tokens"].isfinite().all()


def test_register_tokens_and_token_exits_are_refused(kit13, encoder):
    batch = kit13.batch(samples=1, size=(16, 24), steps=2)
    with pytest.raises(ConfigError, match="without token exits and register tokens"):
        kit13.encoder(num_register_tokens=2)(batch, 4, searchlight=EIGHT)
    with pytest.raises(ConfigError, match="without token exits and register tokens"):
        encoder(batch, 4, token_exits=dict.fromkeys(kit13.names, 1), searchlight=EIGHT)


def test_an_encoder_without_rotary_positions_warns_and_attends_to_everything(kit13):
    encoder = kit13.encoder(plain=True, position_encoding=absolute())
    batch = kit13.batch(samples=1, size=(16, 24), steps=2)
    with pytest.warns(UserWarning, match="searchlight needs rotary positions"):
        found = encoder(batch, 4, searchlight=EIGHT)
    assert torch.equal(found.pooled, encoder(batch, 4).pooled)


@pytest.mark.parametrize(
    ("arguments", "reach"), [((16, 1, 12, 1), 112), ((16, 2, 12, 1), 112), ((16, 4, 12, 2), 120), ((8, 4, 2, 1), 16)]
)
def test_reach_is_that_of_the_specification(arguments, reach):
    assert searchlight_reach_px(*arguments) == reach


@pytest.mark.parametrize(("encoding", "by_token"), [(None, False), (rope(), True)])
def test_tiles_that_overlap_by_twice_the_reach_give_what_one_pass_gives(kit13, encoding, by_token):
    options = {} if encoding is None else {"position_encoding": encoding}
    encoder, batch = kit13.encoder(**options), kit13.batch(samples=2, size=(16, 72), steps=1)
    if by_token:
        batch = replace(batch, masks={name: m[:, ::4, ::4] for name, m in batch.masks.items()})
    call = {"location_query_patch_size": 2, "settings": EIGHT, "output_key": "location_tokens"}
    overlap = 2 * searchlight_reach_px(8, 4, 2, 1)
    found = embed_domain(encoder, batch, 4, crop_px=overlap + 16, overlap_px=overlap, **call)
    whole = encoder(batch, 4, location_query_patch_size=2, searchlight=EIGHT).extras["location_tokens"]
    assert found.shape == (2, 8, 36, 32)
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-4)
    close = embed_domain(encoder, batch, 4, crop_px=24, overlap_px=8, **call)
    assert 1e-4 < (close - whole).abs().max() < 0.2


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 4), st.sampled_from([1, 2, 4]))
def test_middles_of_crops_cover_an_axis_once(patches, core, halo, patch):
    crops = Tiling((core + 2 * halo) * patch, 2 * halo * patch, patch).crops(patches * patch, 0)
    kept = [i for crop in crops for i in range(crop.kept.start, crop.kept.stop)]
    assert kept == list(range(patches * patch))
    assert all(c.taken.start <= c.kept.start < c.kept.stop <= c.taken.stop for c in crops)


@pytest.mark.parametrize(("crop", "overlap"), [(16, 6), (16, 3), (16, 16), (18, 8), (8, 16), (16, -8)])
def test_crops_that_are_no_whole_number_of_patches_are_refused(crop, overlap):
    with pytest.raises(ConfigError, match="whole numbers of patches of 4 px"):
        Tiling(crop, overlap, 4)


def test_a_last_crop_smaller_than_the_box_is_refused_with_an_overlap_that_works(kit13):
    batch = kit13.batch(samples=1, size=(16, 50), steps=1)
    with pytest.raises(ConfigError, match="overlap_px >= 28"):
        embed_domain(kit13.encoder(), batch, 2, crop_px=48, overlap_px=0)
    assert embed_domain(kit13.encoder(), batch, 2, crop_px=48, overlap_px=28).shape == (1, 8, 25, 12)


def test_an_area_smaller_than_the_box_and_an_output_there_is_not_are_refused(kit13, encoder):
    with pytest.raises(DataError, match="smaller than the box"):
        embed_domain(encoder, kit13.batch(samples=1, size=(8, 8)), 4, crop_px=32, overlap_px=0)
    batch = kit13.batch(samples=1, size=(16, 16))
    with pytest.raises(ConfigError, match="output_key is 'registers', but this encoder gives location_tokens"):
        embed_domain(encoder, batch, 4, crop_px=16, overlap_px=0, output_key="registers")


def test_a_finer_image_and_a_vector_are_cut_with_the_area():
    specs = modalities(["naip_10", "sentinel1", "era5_10"])
    arrays = {spec.name: torch.zeros(1, *spec.array_shape(24, 40, 2)) for spec in specs}
    masks = {name: a[..., :1] for name, a in arrays.items()}
    masks["sentinel1"] = masks["sentinel1"][:, ::4, ::4]
    part = cut(Batch(arrays, masks, torch.zeros(1, 2, 3)), specs, slice(8, 16), slice(4, 24), 4)
    assert part.arrays["naip_10"].shape[1:3] == part.masks["naip_10"].shape[1:3] == (32, 80)
    assert part.arrays["sentinel1"].shape[1:3] == (8, 20)
    assert part.masks["sentinel1"].shape[1:3] == (2, 5)
    assert part.arrays["era5_10"].shape == arrays["era5_10"].shape
