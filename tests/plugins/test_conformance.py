"""The official components keep the promises that everybody's components must keep."""

from olmoearth_core.testing import conformance

ENCODER = {"@encoders": "olmoearth.flexi_vit.v1"}
DECODER = {"@decoders": "olmoearth.predictor.v1"}

test_conformance = conformance(
    "olmoearth",
    settings={
        "olmoearth.h5.v1": {"h5py_dir": "data/h5", "training_modalities": ["srtm"]},
        "olmoearth.location_pooler.v1": {"pooler_dim": 16},
        "olmoearth.latent_mim.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "olmoearth.galileo.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "olmoearth.mae.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
        "olmoearth.reconstructor.v1": {"decoder_config": DECODER},
        "olmoearth.pooled_modality_predictor.v1": {"decoder_config": DECODER},
        "olmoearth.early_attention_pool.v1": {"encoder_config": {**ENCODER, "embedding_size": 64}},
        "olmoearth.space_time.v1": {"encoder_config": ENCODER},
        "olmoearth.space_time_predictor.v1": {"decoder_config": DECODER},
        "olmoearth.attention_pooling.v1": {"width": 8},
        "olmoearth.cosine_with_warmup.v1": {"warmup_steps": 20},
        "olmoearth.contrastive_latent_mim.v1": {
            "rank_microbatch_size": 2,
            "optim_config": {"@optimizers": "olmoearth.adamw.v1"},
            "scheduler": {"@schedulers": "olmoearth.cosine_with_warmup.v1", "warmup_steps": 2},
            "masking": {"@maskings": "masking.random_time_with_decode.v1"},
            "loss": {"@losses": "olmoearth.info_nce.v1"},
        },
        "olmoearth.downstream_evaluator.v1": {"tasks": {}},
    },
)
