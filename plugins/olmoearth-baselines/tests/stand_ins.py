"""Packages that are not installed, with the interface that theirs have and features that show what they were fed."""

# N frames, C bands, T steps, L tokens, D width
from types import ModuleType, SimpleNamespace

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, pad


class Echo(nn.Module):
    """Tokens whose first numbers are the mean of each channel of their patch."""

    def __init__(self, width, side, prefix=1):
        super().__init__()
        self.width, self.side, self.num_prefix_tokens = width, side, prefix
        self.weight = nn.Parameter(torch.zeros(1))

    def tokens(self, values_NCHW):
        means = adaptive_avg_pool2d(values_NCHW, self.side).flatten(2).mT
        return pad(means, (0, self.width - means.shape[-1]))

    def with_prefix(self, tokens_NLD):
        return pad(tokens_NLD, (0, 0, self.num_prefix_tokens, 0), value=-9.0)

    def forward_features(self, values):
        values = values if isinstance(values, torch.Tensor) else values["imgs"]
        return self.with_prefix(self.tokens(values))

    def forward_head(self, tokens_NLD):
        return tokens_NLD[:, self.num_prefix_tokens :].mean(1)


class Prithvi(Echo):
    def forward(self, images_NCTHW):
        parts = [self.tokens(images) for images in images_NCTHW.unbind(2)]
        return [None, self.with_prefix(torch.cat(parts, 1))]


class TerraMind(Echo):
    def forward(self, images):
        self.names = sorted(images)
        return [sum(self.tokens(values) for values in images.values()) / len(images)]


class Clay(Echo):
    def forward(self, cube):
        self.cube = cube
        tokens = self.tokens(cube["pixels"])
        return (torch.cat([tokens.mean(1, keepdim=True), tokens], 1),)


class Satlas(Echo):
    def forward(self, values_NCHW):
        return [
            None,
            pad(adaptive_avg_pool2d(values_NCHW, self.side), (0, 0, 0, 0, 0, self.width - values_NCHW.shape[1])),
        ]


class Dofa(Echo):
    def __init__(self):
        super().__init__(768, 14)
        self.pos_embed = nn.Parameter(torch.zeros(1, 197, 768))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 768))
        self.blocks, self.fc_norm = nn.ModuleList([nn.Identity()]), nn.Identity()

    def patch_embed(self, values, waves):
        self.waves = waves
        return self.tokens(values), waves


class Croma(Echo):
    attn_bias = None

    def s1_encoder(self, imgs, attn_bias):
        return self.tokens(imgs)

    def s2_encoder(self, imgs, attn_bias):
        return self.tokens(imgs)

    def joint_encoder(self, x, context, relative_position_bias):
        return x + context


class Panopticon(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Echo(768, 16)


def made(build):
    """Return a maker that keeps what it was asked for and what it made."""

    def make(*names, **given):
        make.asked = {**({"name": names[0]} if names else {}), **given}
        make.model = build()
        return make.model

    return make


BUILD = {
    "prithvi": lambda: Prithvi(1024, 14),
    "terramind": lambda: TerraMind(768, 14),
    "clay": lambda: Clay(1024, 16),
    "satlas": lambda: Satlas(1024, 8),
    "dofa": Dofa,
    "croma": lambda: Croma(768, 15),
    "panopticon": Panopticon,
    "dinov3": lambda: Echo(1024, 16, prefix=5),
}


def modules(model):
    """Return (name in sys.modules -> module, the maker) of the package that holds a model."""
    make = made(BUILD[model])
    weights = {
        name: SimpleNamespace(DOFA_MAE="w", CROMA_VIT="w", VIT_BASE14="w")
        for name in ("DOFABase16_Weights", "CROMABase_Weights", "Panopticon_Weights")
    }
    held = {
        "terratorch.registry": {"BACKBONE_REGISTRY": SimpleNamespace(build=make)},
        "terratorch.models.backbones.clay_v15.model": {"Encoder": make},
        "satlaspretrain_models": {"Model": make, "Backbone": SimpleNamespace(SWINB="b", SWINT="t")},
        "torchgeo.models": {f: make for f in ("dofa_base_patch16_224", "croma_base", "panopticon_vitb14")} | weights,
        "timm": {"create_model": make},
    }
    found = {name: ModuleType(name) for name in held}
    for name, module in found.items():
        vars(module).update(held[name])
    parents = {".".join(n.split(".")[:i]) for n in held for i in range(1, n.count(".") + 1)}
    return found | {parent: ModuleType(parent) for parent in parents - set(found)}, make
