"""The exchangeable parts: each kernel, position encoding and token option keeps what the model promises."""

from dataclasses import replace

import pytest
import torch

from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import DataError
from olmoearth_plugins.attentions.plain import plain
from olmoearth_plugins.attentions.sdpa import sdpa
from olmoearth_plugins.blocks.rows import Prefixed, Rows
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.position_encodings.absolute import absolute
from olmoearth_plugins.position_encodings.no_positions import no_positions
from olmoearth_plugins.position_encodings.rope import rope
from olmoearth_plugins.position_encodings.rope_3d import rope_3d
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.position_encodings.rope_mixed import rope_mixed

POSITIONS = [absolute, no_positions, rope, rope_mixed, rope_3d, rope_3d_mixed]
NAMES = ["sentinel2_l2a", "sentinel1", "latlon"]


def same(one, other, atol=1e-5):
    for name, tokens in one.tokens.items():
        torch.testing.assert_close(tokens, other.tokens[name], atol=atol, rtol=1e-5)


@pytest.mark.parametrize("lengths", [(4, 4), (1, 5), (3, 0, 2)])
def test_both_kernels_attend_within_samples_only(lengths):
    draw = torch.Generator().manual_seed(0)
    at = Rows(lengths, torch.device("cpu"))
    q, k, v = (torch.randn(at.total, 2, 4, generator=draw) for _ in range(3))
    out = sdpa()(q, k, v, at, at)
    torch.testing.assert_close(out, plain()(q, k, v, at, at))
    start = 0
    for length in lengths:
        own = slice(start, start + length)
        start += length
        scores = torch.einsum("qhd,khd->hqk", q[own], k[own]) / 2
        torch.testing.assert_close(out[own], torch.einsum("hqk,khd->qhd", scores.softmax(-1), v[own]))


def test_rows_pad_spread_and_carry_prefixes():
    at = Rows((2, 0, 1), torch.device("cpu"))
    x = torch.tensor([[1.0], [2], [3]])
    assert at.sample.tolist() == [0, 0, 2]
    assert at.slot.tolist() == [0, 1, 0]
    assert at.unpad(at.pad(x)).tolist() == x.tolist()
    assert at.spread_out(x).flatten().tolist() == [1, 2, 0, 0, 3, 0]
    assert at.gather_in(at.spread_out(x)).tolist() == x.tolist()
    assert at.mean(x).flatten().tolist() == [1.5, 0, 3]
    front = Prefixed(at, 2)
    joined = front.join(torch.tensor([[8.0], [9]]), x)
    assert joined.flatten().tolist() == [8, 9, 1, 2, 8, 9, 8, 9, 3]
    assert front.cut(joined).tolist() == x.tolist()
    assert front.lengths == (4, 2, 3)


@pytest.mark.parametrize("positions", POSITIONS)
def test_the_kernels_give_one_encoding(kit, positions):
    size = {"embedding_size": 32, "num_heads": 2, "position_encoding": positions()}
    specs = kit.encoder(NAMES)[1]
    batch = kit.batch(specs, mixed=True)
    same(*(kit.encoder(NAMES, attention=kernel(), **size)[0](batch, 4) for kernel in (sdpa, plain)))


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_sample_alone_equals_itself_in_a_ragged_batch_with_registers(kit, positions):
    options = {"embedding_size": 32, "position_encoding": positions(), "num_register_tokens": 2, "qk_norm": True}
    encoder, specs = kit.encoder(NAMES, **options)
    batch = kit.batch(specs, mixed=True)
    together = encoder(batch, 4)
    for i in range(2):
        alone = encoder(batch.rows(slice(i, i + 1)), 4)
        torch.testing.assert_close(alone.pooled[0], together.pooled[i], atol=1e-5, rtol=1e-5)
        for name, tokens in alone.tokens.items():
            torch.testing.assert_close(tokens[0], together.tokens[name][i], atol=1e-5, rtol=1e-5)


def test_the_legacy_padding_makes_batch_mates_matter_and_is_off_in_training(kit):
    encoder, specs = kit.encoder(NAMES, legacy_eval_padding=True)
    batch = kit.batch(specs, mixed=True)
    alone, together = encoder(batch.rows(slice(1, 2)), 4), encoder(batch, 4)
    assert (alone.pooled[0] - together.pooled[1]).abs().max() > 1e-3
    encoder.train()
    torch.testing.assert_close(encoder(batch, 4).pooled[1], encoder(batch.rows(slice(1, 2)), 4).pooled[0])


def test_registers_are_learned_named_and_dropped(kit):
    encoder, specs = kit.encoder(NAMES, num_register_tokens=3)
    batch = kit.batch(specs, mixed=True)
    out = encoder(batch, 4)
    assert encoder.state_dict()["register_tokens"].shape == (3, 16)
    assert out.tokens["latlon"].shape == (2, 1, 16)
    out.pooled.square().sum().backward()
    assert encoder.register_tokens.grad.abs().sum() > 0


def test_exits_work_with_registers(kit):
    encoder, specs = kit.encoder(NAMES, num_register_tokens=3)
    batch = kit.batch(specs)
    same(encoder(batch, 4), encoder(batch, 4, dict.fromkeys(NAMES, 2)))
    early = encoder(batch, 4, {**dict.fromkeys(NAMES, 2), "sentinel1": 1})
    assert not torch.equal(early.tokens["sentinel1"], encoder(batch, 4).tokens["sentinel1"])


def test_an_output_width_projects_what_comes_out_and_its_targets(kit):
    encoder, specs = kit.encoder(NAMES, output_embedding_size=24)
    state = {name: tuple(t.shape) for name, t in encoder.state_dict().items() if "project" in name}
    assert state["embedding_projector.projection.0.weight"] == (24, 16)
    assert state["project_and_aggregate.projection.0.weight"] == (24, 24)
    batch = kit.batch(specs)
    assert encoder(batch, 4).tokens["sentinel1"].shape[-1] == encoder(batch, 4).pooled.shape[-1] == 24
    assert encoder(batch, 4, dict.fromkeys(NAMES, 0)).tokens["sentinel1"].shape[-1] == 24


def test_modalities_that_are_no_input_count_as_hidden_and_are_still_predicted(kit, nano):
    batch = kit.batch(kit.nine(), kit.single_sets(), mixed=True)
    shown = replace(batch, masks={n: m * 0 if n == "worldcover" else m for n, m in batch.masks.items()})
    without = {n: m * 0 + 1 if n == "worldcover" else m for n, m in batch.masks.items()}
    nano.encoder.input_modalities = ("sentinel2_l2a", "sentinel1", "landsat")
    try:
        found, wanted = nano(shown, 4), nano(replace(batch, masks=without), 4)
        maps = {n: batch.arrays[n] for n in ("worldcover", "srtm")}
        with pytest.raises(DataError, match="takes only sentinel2_l2a, sentinel1, landsat as input"):
            nano.encoder(replace(batch, arrays=maps, masks={n: batch.masks[n] for n in maps}), 4)
    finally:
        nano.encoder.input_modalities = None
    same(found.latent, wanted.latent)
    same(found.decoded, wanted.decoded)
    assert (found.latent.masks["worldcover"] == 1).all()
    assert (found.latent.masks["srtm"] == 2).all()


def test_legacy_coordinates_are_rounded_so_that_months_collapse():
    months = torch.arange(268.0, 280.0)
    zero = torch.zeros(12)
    exact, rough = (rope_3d_mixed(legacy_bf16_coordinates=b).coordinates(months, zero, zero)[:, 0] for b in (0, 1))
    assert exact.unique().numel() == 12
    assert rough.unique().tolist() == [268, 270, 272, 274, 276, 278, 280]


def test_a_plugin_can_bring_its_own_positions(kit):
    class Diagonal:
        additive_steps = additive_grid = False
        rotates = True

        def check(self, head_width):
            pass

        def parameters(self, heads, head_width):
            return {"diagonal": torch.nn.Parameter(torch.ones(heads, head_width // 2))}

        def coordinates(self, days, row, column):
            return torch.stack([row, column], -1)

        def angles(self, coordinates, own, head_width):
            return coordinates.sum(-1)[:, None, None] * own["diagonal"]

    specs = kit.encoder(NAMES)[1]
    encoder = flexi_vit(position_encoding=Diagonal()).build(specs, Tokenization())
    assert "blocks.0.attn.diagonal" in encoder.state_dict()
    encoder(kit.batch(specs), 4).pooled.sum().backward()
    assert encoder.blocks[0].attn.diagonal.grad is not None
