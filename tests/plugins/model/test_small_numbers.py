"""The pieces of the model, by hand (spec/model.md 15.2)."""

import pytest
import torch
from torch.nn.functional import interpolate

from olmoearth_core import modalities
from olmoearth_core.data.tokens import Tokenization, TokenLayout
from olmoearth_core.errors import ConfigError
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.composite import month_table
from olmoearth_plugins.blocks.packing import Packing, choose
from olmoearth_plugins.blocks.patch_projection import ConvPatchProjection, PatchProjection
from olmoearth_plugins.blocks.places import places
from olmoearth_plugins.blocks.positions import coordinates
from olmoearth_plugins.blocks.resize import resize
from olmoearth_plugins.blocks.rope import angles, axial_frequencies, days, rotate, time_width
from olmoearth_plugins.blocks.sincos import legacy_sincos, legacy_sincos_grid
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed


def close(found, expected, atol=1e-5):
    torch.testing.assert_close(found.flatten(), torch.tensor(expected).flatten(), atol=atol, rtol=1e-5)


def turns(positions, frequencies):
    found = angles(positions, frequencies)
    return found.cos(), found.sin()


def turned(values, position, frequencies):
    return rotate(torch.tensor(values)[None, None], turns(torch.tensor([position]), frequencies))


def test_sines_and_cosines_of_numbers_and_places():
    close(
        legacy_sincos(torch.tensor([1]), 8),
        [0.841471, 0.533168, 0.310984, 0.176892, 0.540302, 0.846009, 0.950415, 0.984230],
    )
    expected = [-0.756802, 0.953581, -0.653644, 0.301137, 0.0, 0.0, 1.0, 1.0]
    close(legacy_sincos_grid(torch.tensor([4.0]), torch.tensor([0.0]), 8), expected)


def test_months_lie_on_a_circle():
    table = month_table(4)
    close(table[1], [0.5, 0.5, 0.866025, 0.866025])
    close(table[3], [1.0, 1.0, 0.0, 0.0])
    close(table[6], [0.0, 0.0, -1.0, -1.0])


def test_days_since_2000():
    dates = torch.tensor([[1, 0, 2000], [15, 6, 2024], [29, 1, 2024], [31, 11, 1999]])
    assert days(dates).tolist() == [0, 8961, 8825, -1.25]


def test_rotations_by_hand():
    axial = axial_frequencies([(2, 10000.0), (2, 10000.0)])
    close(turned([1.0, 2, 3, 4], [1.0, 2], axial), [-1.142640, 1.922076, -4.885630, 1.063305])
    mixed = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])[:, None]
    close(turned([1.0, 2, 3, 4], [1.0, 2, 3], mixed), [-2.205494, -0.368506, -4.166619, -2.763926])
    deep = axial_frequencies([(4, 10000.0), (2, 10000.0), (2, 10000.0)])
    expected = [-1.142640, 1.922076, 2.959851, 4.029799, -7.536519, 2.049606, -8.058908, -6.932100]
    close(turned([1.0, 2, 3, 4, 5, 6, 7, 8], [1.0, 2, 3], deep), expected)


def test_the_share_of_time_in_axial_3d():
    assert [time_width(64, 0.25), time_width(16, 0.25), time_width(8, 0.5)] == [16, 4, 4]
    with pytest.raises(ConfigError, match="temporal_fraction"):
        time_width(8, 0.25)


def test_rotation_keeps_norms_and_scores_and_does_nothing_at_zero():
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(5, 2, 8, generator=generator) for _ in range(2))
    where, frequencies = torch.rand(5, 3, generator=generator), torch.randn(3, 2, 4, generator=generator)
    here, shifted = turns(where, frequencies), turns(where + torch.tensor([3.0, -1, 2]), frequencies)
    torch.testing.assert_close(rotate(q, turns(0 * where, frequencies)), q)
    torch.testing.assert_close(rotate(q, here).norm(dim=-1), q.norm(dim=-1))
    scores = [torch.einsum("mhd,nhd->hmn", rotate(q, t), rotate(k, t)) for t in (here, shifted)]
    torch.testing.assert_close(*scores, atol=1e-4, rtol=1e-4)


def test_resizing_ramps():
    small, large = torch.arange(16.0).view(1, 4, 4, 1, 1), torch.arange(64.0).view(1, 8, 8, 1, 1)
    up = [-0.441176, -0.185058, 0.356982, 0.897059, 1.397059, 1.937135, 2.479175, 2.735294]
    close(resize(small, 8, 8)[0, 0], up)
    close(resize(large, 4, 4)[0, 0], [4.895399, 6.810924, 8.892006, 10.807532])


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(24, 24, 48, 48), (5, 10, 40, 80), (32, 16, 8, 4), (6, 6, 16, 16)]
)
def test_resizing_agrees_with_torch(height, width, rows, columns):
    images = torch.randn(2, height, width, 3, 4, generator=torch.Generator().manual_seed(0))
    frames = images.permute(0, 3, 4, 1, 2).flatten(0, 1)
    expected = interpolate(frames, size=(rows, columns), mode="bicubic", antialias=True)
    found = resize(images, rows, columns).permute(0, 3, 4, 1, 2).flatten(0, 1)
    assert (found - expected).abs().max() < 1e-5


def test_a_convolution_is_a_linear_map_of_patches():
    conv, flat = ConvPatchProjection(3, 4, 8), PatchProjection(3, 4, 8, (), ())
    with torch.no_grad():
        flat.proj.weight.copy_(conv.proj.weight.permute(0, 2, 3, 1).flatten(1))
        flat.proj.bias.copy_(conv.proj.bias)
    patches = torch.randn(5, 16, 3, generator=torch.Generator().manual_seed(0))
    images = patches.view(5, 4, 4, 3).permute(0, 3, 1, 2)
    torch.testing.assert_close(conv(patches), flat(patches), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(conv(patches), conv.proj(images)[..., 0, 0], atol=1e-6, rtol=1e-5)


def packing(codes, code=1):
    codes = torch.tensor(codes)
    specs = modalities(["sentinel1"])
    layout = TokenLayout.of(specs, Tokenization(), rows=1, columns=1, steps=codes.shape[1])
    lengths = tuple((codes == code).sum(1).tolist())
    return Packing(layout, choose({"sentinel1": codes}, code, {"sentinel1": lengths}), lengths)


def test_packing_keeps_order_and_restoring_puts_zeros():
    at = packing([[0, 1, 0, 1], [1, 1, 1, 0]])
    tokens = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])[..., None]
    packed = at.take(tokens)
    assert packed.flatten().tolist() == [2, 4, 5, 6, 7]
    assert at.lengths == (2, 3)
    assert at.restore(packed)[..., 0].tolist() == [[0, 2, 0, 4], [5, 6, 7, 0]]
    assert at.key_mask.tolist() == [[[[True, True, False]]], [[[True, True, True]]]]
    assert at.unpad(at.pad(packed)).equal(packed)
    assert at.mean(packed)[:, 0].tolist() == [3, 6]


def test_queries_and_context_of_a_mask():
    tokens = torch.arange(1.0, 7)[None, :, None]
    codes = [[0, 2, 1, 3, 2, 0]]
    assert packing(codes, 2).take(tokens).flatten().tolist() == [2, 5]
    assert packing(codes, 0).take(tokens).flatten().tolist() == [1, 6]


def test_coordinates_are_months_and_tens_of_metres(kit):
    specs = modalities(["sentinel2_l2a", "srtm", "latlon"])
    layout = TokenLayout.of(specs, Tokenization(kit.single_sets()), rows=2, columns=2, steps=2)
    masks = {s.modality: torch.zeros(1, *s.shape) for s in layout.segments}
    counts = {s.modality: (s.length,) for s in layout.segments}
    at = Packing(layout, choose(masks, 0, counts), (layout.length,))
    options = rope_3d_mixed(base=10000.0, temporal_coordinate_scale=1 / 30)
    dates = torch.tensor([[[15, 0, 2020], [15, 1, 2020]]])
    found = coordinates(options, at, places(layout, dates.device), dates, 4, 10)
    assert found[:2, 0].tolist() == pytest.approx([243.966675, 245.000016], abs=2e-5)
    assert found[6].tolist() == pytest.approx([243.966675, 4, 4], abs=2e-5)
    assert found[8:12, 0].tolist() == pytest.approx([243.966675] * 4, abs=2e-5)
    assert found[12].tolist() == [0, 0, 0]


def test_band_dropout_keeps_a_band_and_about_its_rate():
    torch.manual_seed(0)
    dropout = BandDropout(0.3, random_rate=False, modalities=["sentinel2_l2a"])
    assert not dropout.applies("sentinel2_l2a", 12)
    dropout.active = True
    assert dropout.applies("sentinel2_l2a", 12)
    assert not dropout.applies("sentinel1", 2)
    assert not dropout.applies("sentinel2_l2a", 1)
    kept = dropout.keep(2000, 12, torch.device("cpu"))
    assert kept.mean().item() == pytest.approx(0.7, abs=0.02)
    everything = BandDropout(1.0, random_rate=False, modalities=None)
    assert everything.keep(50, 3, torch.device("cpu")).sum(1).tolist() == [1] * 50
