"""The run of configs/quickstart.cfg, less its evaluation, from Python objects alone: no config file, no registry."""

from olmoearth_masking.random_time_with_decode import random_time_with_decode

from olmoearth_core import OlmoEarthDataset
from olmoearth_core.config.schema import DataLoaderSettings, Duration, Parts, RunSettings, TrainerSettings
from olmoearth_core.train.assemble import Run, assemble
from olmoearth_plugins.callbacks import console, jsonl
from olmoearth_plugins.decoders.predictor import predictor
from olmoearth_plugins.encoders.flexi_vit import flexi_vit
from olmoearth_plugins.losses import info_nce, patch_discrimination_masked_negatives
from olmoearth_plugins.models.latent_mim import latent_mim
from olmoearth_plugins.optimizers.adamw import adamw
from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed
from olmoearth_plugins.schedulers.cosine_with_warmup import cosine_with_warmup
from olmoearth_plugins.train_modules.contrastive_latent_mim import contrastive_latent_mim

SENSORS, OPTICAL, MAPS = ["sentinel2_l2a", "sentinel1", "landsat"], ["sentinel2_l2a", "landsat"], ["srtm"]
NANO = {"embedding_size": 128, "depth": 4, "num_heads": 8, "drop_path": 0.0, "mlp_ratio": 4.0}
DROP = {"band_dropout_rate": 0.2, "random_band_dropout": True, "band_dropout_modalities": OPTICAL}
ROPE = rope_3d_mixed(base=1e4, temporal_coordinate_scale=1 / 30)
CROP = {"token_budget": 210, "min_patch_size": 4, "max_patch_size": 4, "sampled_hw_p_list": [3]}


def quickstart(h5py_dir: str, root: str = "runs", steps: int = 500, device: str | None = None) -> Run:
    data = OlmoEarthDataset(h5py_dir, [*SENSORS, *MAPS], normalization=dict.fromkeys(SENSORS, "standard"))
    bands = {spec.name: [list(spec.band_order)] for spec in data.specs if spec.name in OPTICAL}
    encoder = flexi_vit(**NANO, **DROP, patch_embedding=pixel_mlp_patches(hidden_sizes=[12]), position_encoding=ROPE)
    model = latent_mim(encoder_config=encoder, decoder_config=predictor(depth=1, mlp_ratio=4.0), tokenization=bands)
    base = patch_discrimination_masked_negatives.modality_patch_discrimination_masked_negatives
    loss, contrastive = base(pred2unit=True, mask_negatives_for_modalities=MAPS), info_nce.info_nce(weight=5e-4)
    terms = {"masking": random_time_with_decode(only_decode_modalities=MAPS), "loss": loss, "contrastive": contrastive}
    pace, adam = cosine_with_warmup(warmup_steps=20), adamw(lr=2e-3, betas=[0.9, 0.95], weight_decay=0.02)
    watch = {"console": console.console(), "jsonl": jsonl.jsonl()}
    trainer = TrainerSettings(max_duration=Duration(steps=steps), device=device, callbacks=watch)
    module = contrastive_latent_mim(rank_microbatch_size=16, scheduler=pace, optim_config=adam, **terms)
    run, loader = RunSettings(name="composed", root=root), DataLoaderSettings(global_batch_size=16, **CROP)
    parts = Parts(run=run, dataset=data, data_loader=loader, model=model, train_module=module, trainer=trainer)
    return assemble(parts, config=None, environment={})
