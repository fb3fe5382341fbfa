"""Patches projected from pixels as they are, or a few at a time, give what a resized image gives."""

import pytest
import torch
from torch.nn.functional import conv2d, interpolate
from torch.utils._python_dispatch import TorchDispatchMode

from olmoearth_core import modalities
from olmoearth_core.data.tokens import Tokenization
from olmoearth_plugins.blocks.band_dropout import BandDropout
from olmoearth_plugins.blocks.folding import Folded, pays, runs, write
from olmoearth_plugins.blocks.patch_embedding import PatchEmbedding
from olmoearth_plugins.blocks.patch_projection import ConvPatchProjection, PatchProjection
from olmoearth_plugins.blocks.pieces import pieces, strips
from olmoearth_plugins.blocks.tiles import tiles
from olmoearth_plugins.blocks.visible import visible
from olmoearth_plugins.patch_embeddings.conv_patches import conv_patches
from olmoearth_plugins.patch_embeddings.linear_patches import linear_patches
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches


def images(rows, columns, patch, bands=3, samples=2, steps=2):
    generator = torch.Generator().manual_seed(rows * 100 + columns * 10 + patch)
    return torch.randn(samples, rows * patch, columns * patch, steps, bands, generator=generator)


def enlarged(array, conv, rows, columns):
    """The tokens [B,R,C,T,D] by torch's own interpolation and convolution."""
    side = conv.kernel_size[0]
    frames = array.permute(0, 3, 4, 1, 2).flatten(0, 1)
    if frames.shape[-2:] != (rows * side, columns * side):
        frames = interpolate(frames, size=(rows * side, columns * side), mode="bicubic", antialias=True)
    tokens = conv2d(frames, conv.weight, conv.bias, stride=side)
    return tokens.view(len(array), -1, *tokens.shape[1:]).permute(0, 3, 4, 1, 2)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.detach().abs().max()))


@pytest.mark.parametrize("patch", range(1, 9))
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 2), (2, 3), (3, 1), (4, 7), (9, 6)])
def test_a_folded_kernel_gives_what_an_enlarged_image_gives(patch, rows, columns):
    torch.manual_seed(0)
    projection, array = ConvPatchProjection(3, 8, 5), images(rows, columns, patch)
    expected = enlarged(array, projection.proj, rows, columns)
    folded = Folded(array, (rows, columns), projection)
    close(folded.tokens(), expected)
    with torch.no_grad():
        out = torch.full_like(expected, float("nan"))
        write(out, array, projection)
    close(out, expected.detach())


@pytest.mark.parametrize("patch", [1, 2, 3, 4])
def test_a_base_patch_may_be_larger_or_no_power_of_two(patch):
    for side, step in ((32, 4 * patch), (6, patch), (5, patch)):
        projection, array = ConvPatchProjection(2, side, 4), images(3, 2, step, bands=2, samples=1)
        close(Folded(array, (3, 2), projection).tokens(), enlarged(array, projection.proj, 3, 2))


@pytest.mark.parametrize("patch", [1, 2, 5, 8])
def test_folding_passes_gradients_to_the_unfolded_weights(patch):
    projection, array = ConvPatchProjection(3, 8, 5), images(4, 5, patch)
    gradients = []
    for tokens in (Folded(array, (4, 5), projection).tokens(), enlarged(array, projection.proj, 4, 5)):
        loss = (tokens * torch.linspace(-1, 1, tokens.numel()).view(tokens.shape)).sum()
        gradients.append(torch.autograd.grad(loss, [projection.proj.weight, projection.proj.bias]))
    for found, expected in zip(*gradients, strict=True):
        close(found, expected)


def test_patches_inside_an_image_share_one_kernel():
    assert [run.count for run in runs(64, 64, 8)] == [1, 1, 60, 1, 1]
    assert [run.count for run in runs(64, 32, 8)] == [1, 30, 1]
    assert [run.window for run in runs(64, 32, 8)] == [6, 6, 6]
    assert [(run.count, run.window, run.plain) for run in runs(64, 8, 8)] == [(8, 8, True)]
    assert [run.window for run in runs(2, 2, 8)] == [2, 2]


def test_folding_is_chosen_where_it_saves_work():
    def chosen(patch, samples=1):
        grid = (64 // patch, 64 // patch, 12, 1)
        return pays((samples, 64, 64, 12, 12), grid, (128, 12, 8, 8))

    assert [patch for patch in (1, 2, 4, 8) if chosen(patch)] == [1, 2, 4, 8]
    assert not pays((1, 63, 63, 12, 12), (9, 9, 12, 1), (128, 12, 8, 8))
    assert not pays((1, 2, 2, 1, 12), (2, 2, 1, 1), (128, 12, 8, 8))


@pytest.mark.parametrize("patch", range(1, 9))
@pytest.mark.parametrize("patches", [1, 4, 100])
def test_tiles_are_the_patches_of_the_resized_image(patch, patches):
    array, rows, columns = images(5, 3, patch), 5, 3
    identity = torch.nn.Conv2d(3, 3 * 64, 8, 8)
    with torch.no_grad():
        identity.weight.copy_(torch.eye(3 * 64).view(3 * 64, 64, 3).permute(0, 2, 1).reshape(identity.weight.shape))
        identity.bias.zero_()
        expected = enlarged(array, identity, rows, columns).unflatten(-1, (64, 3))
    seen = torch.zeros(2, 5, 3)
    for piece, pixels in tiles(array, rows, columns, 8, patches):
        close(pixels.view(expected[piece].shape), expected[piece])
        seen[piece] += 1
    assert (seen == 1).all()


def test_pieces_cover_everything_once_and_are_no_larger_than_asked():
    for size, patches in (((3, 5, 7), 1), ((3, 5, 7), 6), ((3, 5, 7), 35), ((3, 5, 7), 80), ((1, 1, 9), 4)):
        seen = torch.zeros(size)
        for piece in pieces(*size, patches):
            seen[piece] += 1
            assert seen[piece].numel() <= patches
        assert (seen == 1).all()


def test_strips_cover_everything_once_and_hold_a_row_at_least():
    for samples, rows, along, tokens in ((3, 5, 7, 1), (3, 5, 7, 20), (3, 5, 7, 35), (3, 5, 7, 80), (1, 1, 9, 4)):
        seen = torch.zeros(samples, rows, along)
        for piece in strips(samples, rows, along, tokens):
            seen[piece] += 1
            assert seen[piece].numel() <= max(along, tokens)
        assert (seen == 1).all()


PROJECTIONS = {
    "conv": conv_patches(),
    "linear": linear_patches(),
    "post": linear_patches(post_hidden_sizes=[7, 16]),
    "pixel": pixel_mlp_patches(hidden_sizes=[5, 4]),
}


def embedding(names, projection, overrides=None, **dropout):
    torch.manual_seed(0)
    options = {"random_rate": False, "modalities": None, **dropout}
    kept = BandDropout(options.pop("rate", 0.0), **options)
    specs = modalities(names)
    return PatchEmbedding(
        specs, Tokenization(overrides), width=16, patch_sizes=(1, 8), projection=PROJECTIONS[projection],
        band_dropout=kept,
    )  # fmt: skip


NAMES = ["sentinel2_l2a", "srtm", "naip_10", "era5_10", "latlon"]


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("patch", [1, 2, 4, 8])
def test_tokens_do_not_depend_on_how_they_are_made(kit, projection, patch):
    """With gradients, without, in a batch in which a token is hidden, or nearly all are."""
    module = embedding(NAMES, projection)
    batch = kit.batch(module.specs, side=8, samples=2)
    everything = visible(module, batch, patch)
    with torch.no_grad():
        quick = visible(module, batch, patch)
    close(quick.tokens, everything.tokens.detach())
    expected = everything.reading.layout.split(everything.at.restore(everything.tokens.detach()))
    for hidden in (slice(0, 1), slice(1, None)):
        for mask in batch.masks.values():
            mask.zero_()
            mask[:, hidden] = 1
        for grad in (True, False):
            with torch.set_grad_enabled(grad):
                batch.memo.clear()
                found = visible(module, batch, patch)
                tokens = found.reading.layout.split(found.at.restore(found.tokens.detach()))
            for name, code in found.reading.codes.items():
                shown = (code == 0)[..., None]
                close(tokens[name], expected[name] * shown)


def test_band_dropout_hides_the_same_bands_on_every_path(kit):
    module = embedding(["sentinel2_l2a"], "conv", rate=0.5).train()
    module.band_dropout.active = True
    batch = kit.batch(module.specs, side=8)
    found = []
    for hide in (False, True):
        for mask in batch.masks.values():
            mask[:, :, :, 1:] = int(hide)
        for grad in (True, False):
            torch.manual_seed(3)
            batch.memo.clear()
            with torch.set_grad_enabled(grad):
                seen = visible(module, batch, 4)
            first = seen.reading.layout.split(seen.at.restore(seen.tokens.detach()))["sentinel2_l2a"][:, :, :, 0]
            found.append(first)
    undropped = embedding(["sentinel2_l2a"], "conv")
    plain = visible(undropped, kit.batch(module.specs, side=8), 4).tokens.detach()
    assert not torch.allclose(plain.view(2, 2, 2, 3, 3, 16)[:, :, :, 0], found[0])
    for other in found[1:]:
        close(other, found[0])


class Largest(TorchDispatchMode):
    """The largest tensor that any operation returned."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor) and "empty" not in func.__name__ and found._base is None:
            self.numbers = max(self.numbers, found.untyped_storage().nbytes() // 4)
        return found


@pytest.mark.parametrize(("projection", "patch"), [("conv", 1), ("conv", 2), ("pixel", 1), ("pixel", 2)])
def test_without_gradients_no_image_is_enlarged(kit, projection, patch):
    module = embedding(["sentinel2_l2a"], projection, kit.single_sets())
    batch = kit.batch(module.specs, kit.single_sets(), side=64, samples=1, steps=2)
    with torch.no_grad(), Largest() as largest:
        visible(module, batch, patch)
    pixels = batch.arrays["sentinel2_l2a"].numel()
    assert largest.numbers <= max(pixels, 384 * 64 * 12, (64 // patch) ** 2 * 2 * 16)
    assert largest.numbers < pixels * (8 // patch) ** 2 / 4


def test_linear_weights_unfold_to_the_same_kernel():
    conv, flat = ConvPatchProjection(3, 4, 8), PatchProjection(3, 4, 8, (), ())
    with torch.no_grad():
        flat.proj.weight.copy_(conv.proj.weight.permute(0, 2, 3, 1).flatten(1))
    assert torch.equal(flat.kernel(), conv.kernel())
    assert PatchProjection(3, 4, 8, (5,), ()).kernel() is None
