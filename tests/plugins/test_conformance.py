"""The official components keep the promises that everybody's components must keep."""

from olmoearth_core.testing import conformance

ENCODER = {"@encoders": "olmoearth.flexi_vit.v1"}
DECODER = {"@decoders": "olmoearth.predictor.v1"}
CONTRASTIVE = {"@losses": "olmoearth.info_nce.v1"}
KOLEO = {"@losses": "olmoearth.koleo.v1"}
PIXELS = {"@losses": "olmoearth.mae.v1"}
OBJECTIVE = {
    "rank_microbatch_size": 2,
    "optim_config": {"@optimizers": "olmoearth.adamw.v1"},
    "scheduler": {"@schedulers": "olmoearth.cosine_with_warmup.v1", "warmup_steps": 2},
    "masking": {"@maskings": "masking.random_time_with_decode.v1"},
    "loss": {"@losses": "olmoearth.modality_patch_discrimination.v1"},
}

test_conformance = conformance(
    "olmoearth",
    settings={
        "olmoearth.concat.v1": {"parts": {"one": "data/h5"}, "training_modalities": ["srtm"]},
        "olmoearth.finetune.v1": {"lr": 0.1, "epochs": 5, "bootstrap": 100},
        "olmoearth.h5.v1": {"h5py_dir": "data/h5", "training_modalities": ["srtm"]},
        "olmoearth.location_pooler.v1": {"pooler_dim": 16},
        "models:olmoearth.latent_mim.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "models:olmoearth.galileo.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "models:olmoearth.mae.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "olmoearth.reconstructor.v1": {"decoder_config": DECODER},
        "olmoearth.pooled_modality_predictor.v1": {"decoder_config": DECODER},
        "olmoearth.early_attention_pool.v1": {"encoder_config": {**ENCODER, "embedding_size": 64}},
        "olmoearth.space_time.v1": {"encoder_config": ENCODER},
        "olmoearth.space_time_predictor.v1": {"decoder_config": DECODER},
        "olmoearth.attention_pooling.v1": {"width": 8},
        "olmoearth.cosine_with_warmup.v1": {"warmup_steps": 20},
        "train_modules:olmoearth.latent_mim.v1": OBJECTIVE,
        "olmoearth.contrastive_latent_mim.v1": {**OBJECTIVE, "contrastive": CONTRASTIVE, "regularizer": KOLEO},
        "train_modules:olmoearth.galileo.v1": {**OBJECTIVE, "contrastive": CONTRASTIVE},
        "train_modules:olmoearth.mae.v1": {**OBJECTIVE, "reconstruction": PIXELS},
        "olmoearth.downstream_evaluator.v1": {"tasks": {}},
        "olmoearth.evaluation_job.v1": {"interval": 1000},
        "olmoearth.chain.v1": {
            "steps": {
                "turn": {"@transforms": "olmoearth.flip_and_rotate.v1"},
                "mix": {"@transforms": "olmoearth.mixup.v1"},
            }
        },
    },
)
