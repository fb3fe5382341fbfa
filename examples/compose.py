"""The run of configs/quickstart.cfg from Python objects alone: no config file and no registry."""

import sys

from olmoearth_core import OlmoEarthDataset
from olmoearth_core.config.schema import DataLoaderSettings, Duration, Parts, RunSettings, TrainerSettings
from olmoearth_core.train.assemble import Run, assemble
from olmoearth_masking.random_time_with_decode import random_time_with_decode as masking
from olmoearth_plugins.callbacks.jsonl import jsonl
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.losses import info_nce
from olmoearth_plugins.losses import patch_discrimination_masked_negatives as patches
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.optimizers.adamw import adamw
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup
from olmoearth_plugins.train_modules.contrastive_latent_mim import contrastive_latent_mim

MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
ROPE = {"position_encoding": "rope_3d_mixed", "rope_mixed_base": 1e4, "rope_temporal_coordinate_scale": 1 / 30}
DROP = {"band_dropout_rate": 0.2, "random_band_dropout": True, "band_dropout_modalities": ["sentinel2_l2a", "landsat"]}
SIZE = {"embedding_size": 128, "depth": 4, "num_heads": 8, "mlp_ratio": 4.0, "patch_embed_hidden_sizes": [12]}
CROP = {"token_budget": 800, "min_patch_size": 2, "max_patch_size": 4, "sampled_hw_p_list": [2, 3, 4, 5, 6]}


def quickstart(h5py_dir: str, root: str = "runs", steps: int = 200, device: str | None = None) -> Run:
    data = OlmoEarthDataset(h5py_dir, ["sentinel2_l2a", "sentinel1", "landsat", *MAPS])
    groups = {spec.name: [list(spec.band_order)] for spec in data.specs if spec.name in DROP["band_dropout_modalities"]}
    encoder, decoder = flexi_vit(**SIZE, **ROPE, **DROP), predictor(depth=4, mlp_ratio=4.0, **ROPE)
    loss = patches.modality_patch_discrimination_masked_negatives(mask_negatives_for_modalities=MAPS)
    terms = {
        "loss": loss,
        "contrastive": info_nce.info_nce(weight=0.05),
        "masking": masking(only_decode_modalities=MAPS),
    }
    pace = {"optim_config": adamw(lr=5e-4, weight_decay=0.02), "scheduler": cosine_with_warmup(warmup_steps=20)}
    parts = Parts(
        run=RunSettings(name="composed", root=root), dataset=data,
        data_loader=DataLoaderSettings(global_batch_size=16, **CROP),
        model=latent_mim(encoder_config=encoder, decoder_config=decoder, tokenization=groups),
        train_module=contrastive_latent_mim(rank_microbatch_size=16, **terms, **pace),
        trainer=TrainerSettings(max_duration=Duration(steps=steps), device=device, callbacks={"jsonl": jsonl()}),
    )  # fmt: skip
    return assemble(parts, config=None, environment={})


if __name__ == "__main__":
    quickstart(sys.argv[1]).fit()
