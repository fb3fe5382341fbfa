"""Our side of the loader benchmark: answers one line per request {"h5", "workers", "seconds", …} with samples/s."""

from __future__ import annotations

import json
import sys
import time

import torch
from loader_sets import MAPS, MODALITIES
from olmoearth_masking.random_time_with_decode import random_time_with_decode

from olmoearth_core.config.schema import DataLoaderSettings
from olmoearth_core.data.dataset import OlmoEarthDataset
from olmoearth_core.data.loader import Loader


def measure(request: dict) -> float:
    """Return samples per second after the first batch."""
    settings = DataLoaderSettings(
        global_batch_size=request["batch"], min_patch_size=request["patch"], max_patch_size=request["patch"],
        sampled_hw_p_list=[request["side"]], token_budget=request["budget"], num_workers=request["workers"],
        num_dataset_repeats_per_epoch=1000, band_gap="drop_token",
    )  # fmt: skip
    masking = random_time_with_decode(only_decode_modalities=list(MAPS))
    loader = Loader(OlmoEarthDataset(request["h5"], MODALITIES), settings, masking=masking, num_views=2)
    count, begin = -1, 0.0
    for _ in loader.epoch(1):
        count += 1
        now = time.perf_counter()
        begin = begin or now
        if now - begin > request["seconds"]:
            break
    loader.close()
    return count * request["batch"] / (now - begin)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print("RATE", measure(json.loads(line)), flush=True)
