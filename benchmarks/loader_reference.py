"""The reference's side of the loader benchmark; runs in its own environment and uses its public classes only.

Answers one line per request {"h5", "workers", "seconds", …} with samples/s, like loader_ours.py.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time

MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
MODALITIES = ["sentinel2_l2a", "sentinel1", "landsat", *MAPS]


def measure(request: dict) -> float:
    """Return samples per second after the first batch."""
    from olmoearth_pretrain.data.dataloader import OlmoEarthDataLoaderConfig
    from olmoearth_pretrain.data.dataset import OlmoEarthDatasetConfig
    from olmoearth_pretrain.train.masking import MaskingConfig

    masking = {
        "type": "random_time_with_decode", "encode_ratio": 0.5, "decode_ratio": 0.5, "random_ratio": 0.5,
        "only_decode_modalities": MAPS,
    }  # fmt: skip
    dataset = OlmoEarthDatasetConfig(h5py_dir=request["h5"], training_modalities=MODALITIES).build()
    with tempfile.TemporaryDirectory() as work:
        settings = OlmoEarthDataLoaderConfig(
            work_dir=work, global_batch_size=request["batch"], seed=3622, token_budget=request["budget"],
            min_patch_size=request["patch"], max_patch_size=request["patch"], sampled_hw_p_list=[request["side"]],
            num_workers=request["workers"], prefetch_factor=2 if request["workers"] else None,
            num_dataset_repeats_per_epoch=100, num_masked_views=2,
            masking_config=MaskingConfig(strategy_config=masking),
        )  # fmt: skip
        loader = settings.build(dataset)
        loader.reshuffle(epoch=1)
        count, begin = -1, 0.0
        for _ in loader:
            count += 1
            now = time.perf_counter()
            begin = begin or now
            if now - begin > request["seconds"]:
                break
    return count * request["batch"] / (now - begin)


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    for line in sys.stdin:
        print("RATE", measure(json.loads(line)), flush=True)
