"""The official components keep the promises that everybody's components must keep."""

from olmoearth_core.testing import conformance

ENCODER = {"@encoders": "olmoearth.flexi_vit.v1"}
DECODER = {"@decoders": "olmoearth.predictor.v1"}

test_conformance = conformance(
    "olmoearth",
    settings={
        "olmoearth.h5.v1": {"h5py_dir": "data/h5", "training_modalities": ["srtm"]},
        "olmoearth.latent_mim.v1": {"encoder_config": ENCODER, "decoder_config": DECODER},
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
