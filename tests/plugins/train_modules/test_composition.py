"""The whole step against one written here from the specification: plain formulas in double precision."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from olmoearth_plugins.losses.info_nce import info_nce
from olmoearth_plugins.losses.koleo import koleo

LR, DECAY, BETAS, EPS, WARMUP, STEPS = 0.01, 0.02, (0.9, 0.999), 1e-8, 2, 7
TAU = 0.1


class PatchDisc:
    """Discrimination of decoded tokens within sample and modality, by loops and in the input's precision."""

    name = "ModalityPatchDisc"

    def __call__(self, predicted, target):
        total = sum(t.sum() * 0 for t in predicted.tokens.values())
        for name, x in predicted.tokens.items():
            each = []
            for b in range(len(x)):
                chosen = predicted.masks[name][b] == 2
                if chosen.any():
                    p, t = normalize(x[b][chosen], dim=-1), normalize(target.tokens[name][b][chosen], dim=-1)
                    each.append(2 * TAU * cross_entropy(p @ t.T / TAU, torch.arange(len(p))))
            if each:
                total = total + torch.stack(each).mean()
        return total


class KoLeo:
    name = "KoLeo"

    def __call__(self, pooled, target=None):
        x = normalize(pooled, dim=-1)
        cosines = x.detach() @ x.detach().T
        cosines.fill_diagonal_(-1)
        near = x[cosines.argmax(1)]
        return -0.1 * ((x - near + 1e-8).norm(dim=-1) + 1e-8).log().mean()


class InfoNCE:
    name = "InfoNCE"

    def __call__(self, a, b):
        a, b = normalize(a, dim=-1), normalize(b, dim=-1)
        return 0.05 * cross_entropy(a @ b.T / TAU, torch.arange(len(a)))


def views_of(batch, i, n):
    return batch.rows(slice(i, None, n))


def loss_of(model, batch, galileo):
    """[(base_a + base_b) / 2 + (KoLeo_a + KoLeo_b) / 2 + InfoNCE] of one micro-batch; targets of everything."""
    outputs = []
    for i, view in enumerate(batch.views):
        decoder = (model.decoder_a, model.decoder_b)[i] if galileo else model.decoder
        latent = model.encoder(view, batch.patch_size)
        outputs.append((latent, decoder(latent, view.timestamps, batch.patch_size)))
    with torch.no_grad():
        exits = {"optical": 0, "cover": 0}
        targets = [model.target_encoder(v.unmask(), batch.patch_size, token_exits=exits) for v in batch.views]
    base = sum(PatchDisc()(decoded, target) for (_, decoded), target in zip(outputs, targets, strict=True)) / 2
    spread = sum(KoLeo()(latent.pooled) for latent, _ in outputs) / 2
    return base + spread + InfoNCE()(outputs[0][0].pooled, outputs[1][0].pooled)


def rate(step, floor=0.1):
    if step <= WARMUP:
        return LR * step / WARMUP
    part = (step - WARMUP) / (20 - WARMUP)
    return LR * floor + LR * (1 - floor) * (1 + math.cos(math.pi * part)) / 2


def by_hand(model, batches, micro, limit, decays, galileo):
    trained = [p for p in model.parameters() if p.requires_grad]
    first, second = [torch.zeros_like(p) for p in trained], [torch.zeros_like(p) for p in trained]
    totals = []
    for step, batch in enumerate(batches, start=1):
        m = decays[0] + step * (decays[1] - decays[0]) / 20
        with torch.no_grad():
            pairs = zip(model.target_encoder.parameters(), model.encoder.parameters(), strict=True)
            for target, online in pairs:
                target.copy_(m * target + (1 - m) * online)
        n = math.ceil(batch.size / micro)
        total = sum(loss_of(model, views_of(batch, i, n), galileo) for i in range(n)) / n
        grads = torch.autograd.grad(total, trained, allow_unused=True)
        norm = math.sqrt(sum(float(g.square().sum()) for g in grads if g is not None))
        factor = min(1.0, limit / (norm + 1e-6))
        totals.append((float(total.detach()), norm))
        with torch.no_grad():
            for p, g, a, b in zip(trained, grads, first, second, strict=True):
                if g is None:
                    continue
                g = g * factor
                a.mul_(BETAS[0]).add_((1 - BETAS[0]) * g)
                b.mul_(BETAS[1]).add_((1 - BETAS[1]) * g * g)
                p.mul_(1 - rate(step) * DECAY)
                seen_a, seen_b = a / (1 - BETAS[0] ** step), b / (1 - BETAS[1] ** step)
                p.sub_(rate(step) * seen_a / (seen_b.sqrt() + EPS))
    return totals


@pytest.fixture
def in_double(monkeypatch):
    """Everything in double precision: what the model casts stays double. (Patches here need no resizing.)"""
    cast = torch.Tensor.float
    monkeypatch.setattr(torch.Tensor, "float", lambda x: x if x.dtype == torch.float64 else cast(x))


@pytest.mark.usefixtures("in_double")
@pytest.mark.parametrize("limit", [1.0, 0.01])
@pytest.mark.parametrize("name", ["contrastive_latent_mim", "galileo"])
def test_seven_steps_are_those_of_the_formulas(kit, name, limit):
    galileo = name == "galileo"
    kind = "galileo" if galileo else "latent_mim"
    ours, theirs = (kit.model(kind, torch.float64) for _ in range(2))
    batches = [kit.batch(2, seed=step, dtype=torch.float64, patch=4) for step in range(STEPS)]
    task = kit.objective(
        name, loss=PatchDisc(), regularizer=KoLeo(), contrastive=InfoNCE(), max_grad_norm=limit, ema_decay=[0.9, 1.0],
        **({"loss_b": PatchDisc()} if galileo else {}),
    )  # fmt: skip
    engine = kit.engine(ours, task)
    for step, batch in enumerate(batches, start=1):
        engine.step(batch, step, 20)
    expected = by_hand(theirs, batches, 2, limit, (0.9, 1.0), galileo)
    found = [(row["train/loss"], row["optim/total grad norm"]) for _, row in engine.flush()]
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=1e-9, atol=1e-10)
    there = theirs.state_dict()
    worst = {key: float((value - there[key]).abs().max()) for key, value in ours.state_dict().items()}
    # Attention does not change with the bias of its keys: that gradient is rounding alone, which Adam blows up.
    noise = {key for key in worst if key.endswith("attn.k.bias")}
    assert max(worst[key] for key in worst if key not in noise) < 1e-12
    assert max(worst[key] for key in noise) < 1e-9
    moved = kit.model(kind, torch.float64).state_dict()
    assert max(float((value - moved[key]).abs().max()) for key, value in there.items()) > 1e-2


def test_the_losses_used_here_are_those_of_the_components(kit):
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(4, 6, generator=random) for _ in range(2))
    torch.testing.assert_close(KoLeo()(a), koleo()(a), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(InfoNCE()(a, b), info_nce(weight=0.05)(a, b), rtol=1e-5, atol=1e-6)
    model, batch = kit.model("latent_mim"), kit.batch(1)
    output = model(batch.views[0], patch_size=batch.patch_size)
    target = model.targets(batch.views[0], batch.patch_size)
    torch.testing.assert_close(
        PatchDisc()(output.decoded, target), kit.objective("latent_mim").loss(output.decoded, target)
    )
