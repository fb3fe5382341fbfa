"""The run of configs/quickstart.cfg, less its evaluation, from Python objects alone: no config file, no registry."""

import sys

from olmoearth_masking import random_time_with_decode as masking

from olmoearth_core import OlmoEarthDataset
from olmoearth_core.config import schema
from olmoearth_core.train.assemble import Run, assemble
from olmoearth_plugins.callbacks import console, jsonl
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.losses import info_nce
from olmoearth_plugins.losses import patch_discrimination_masked_negatives as patches
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.optimizers.adamw import adamw
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup
from olmoearth_plugins.train_modules.contrastive_latent_mim import contrastive_latent_mim

SEEN, MAPS = ["sentinel2_l2a", "sentinel1", "landsat"], ["worldcover"]
ROPE = {"position_encoding": "rope_3d_mixed", "rope_mixed_base": 1e4, "rope_temporal_coordinate_scale": 1 / 30}
DROP = {"band_dropout_rate": 0.2, "random_band_dropout": True, "band_dropout_modalities": ["sentinel2_l2a", "landsat"]}
SIZE = {"embedding_size": 128, "depth": 4, "num_heads": 8, "patch_embed_hidden_sizes": [12], "drop_path": 0.0}


def quickstart(h5py_dir: str, root: str = "runs", steps: int = 500, device: str | None = None) -> Run:
    data = OlmoEarthDataset(h5py_dir, [*SEEN, *MAPS])
    groups = {spec.name: [list(spec.band_order)] for spec in data.specs if spec.name in ("sentinel2_l2a", "landsat")}
    parts = {"encoder_config": flexi_vit(**SIZE, mlp_ratio=4.0, **ROPE, **DROP), "decoder_config": predictor(depth=1, mlp_ratio=4.0, **ROPE)}  # fmt: skip  # noqa: E501
    loss = patches.modality_patch_discrimination_masked_negatives(tau=0.03, modality_weights={"worldcover": 5.0}, mask_negatives_for_modalities=MAPS)  # fmt: skip  # noqa: E501
    terms = {"loss": loss, "contrastive": info_nce.info_nce(weight=0.0005), "masking": masking.random_time_with_decode(only_decode_modalities=MAPS)}  # fmt: skip  # noqa: E501
    pace = {"optim_config": adamw(lr=2e-3, betas=[0.9, 0.95], weight_decay=0.02), "scheduler": cosine_with_warmup(warmup_steps=20)}  # fmt: skip  # noqa: E501
    loader, watch = schema.DataLoaderSettings(global_batch_size=16, token_budget=210, min_patch_size=4, max_patch_size=4, sampled_hw_p_list=[3]), {"console": console.console(), "jsonl": jsonl.jsonl()}  # fmt: skip  # noqa: E501
    run, trainer = schema.RunSettings(name="composed", root=root), schema.TrainerSettings(max_duration=schema.Duration(steps=steps), device=device, callbacks=watch)  # fmt: skip  # noqa: E501
    return assemble(schema.Parts(run=run, dataset=data, data_loader=loader, model=latent_mim(**parts, tokenization=groups), train_module=contrastive_latent_mim(rank_microbatch_size=16, **terms, **pace), trainer=trainer), config=None, environment={})  # fmt: skip  # noqa: E501


if __name__ == "__main__":
    quickstart(sys.argv[1]).fit()
