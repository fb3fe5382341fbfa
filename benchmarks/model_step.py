"""How fast is the model: forward and backward of one contrastive latent-MIM step of v1.2 nano, against the reference.

Both programs get the same pixels and masks (batch 4, patch 4, 6 x 6 patches, 12 dates), live in processes of their
own and step in turn, so that the machine's mood hits both. Without --peer ours runs alone.

  python benchmarks/model_step.py --peer /path/to/venv/bin/python --peer-path reference/shims:reference
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from in_turn import ask, start

HERE = Path(__file__).parent
GROUPS = {
    "sentinel2_l2a": [["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12", "B01", "B09"]],
    "landsat": [["B8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B9", "B10", "B11"]],
}
MAPS = ["worldcover", "srtm", "openstreetmap_raster", "wri_canopy_height_map", "cdl", "worldcereal"]
NAMES = ["sentinel2_l2a", "sentinel1", "landsat", *MAPS]
BATCH, PATCH, SIDE, DATES = 4, 4, 6, 12


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peer", help="python of a venv that holds the reference")
    options.add_argument("--peer-path", default="", help="PYTHONPATH for it")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--child", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        serve(given.child)
    else:
        compare(given)


def compare(given: argparse.Namespace) -> None:
    """Let both programs step in turn and print medians."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = str(Path(folder) / "inputs.npz")
        tokens = write_inputs(inputs)
        programs = {"ours": [sys.executable, __file__, "--child", inputs]}
        if given.peer:
            programs["reference"] = [given.peer, str(HERE / "peer_model_step.py"), inputs]
        children = {name: start(command, given) for name, command in programs.items()}
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(given.rounds + 2):
            row = {name: ask(child) for name, child in children.items()}
            rounds += [row] if number >= 2 else []
        for child in children.values():
            child.communicate("", timeout=60)
    for name in children:
        wall, cpu = (statistics.median(r[name][k] for r in rounds) for k in ("wall", "cpu"))
        print(
            f"{name:10} {wall:7.3f} s  {cpu:7.3f} s of CPU  {tokens / wall:9.0f} tokens/s  "
            f"loss {rounds[-1][name]['loss']:.4f}"
        )
    if given.peer:
        ratios = {k: sorted(r["reference"][k] / r["ours"][k] for r in rounds) for k in ("wall", "cpu")}
        wall, cpu = (statistics.median(ratios[k]) for k in ("wall", "cpu"))
        print(
            f"ours is {wall:.2f} times as fast by the clock, {cpu:.2f} times by CPU time "
            f"(load {os.getloadavg()[0]:.1f})"
        )


def views() -> tuple[Any, Any]:
    """Two masked views of random pixels, and the specs."""
    import torch
    from olmoearth_masking.random_time_with_decode import random_time_with_decode

    from olmoearth_core import modalities
    from olmoearth_core.data.random import Draws
    from olmoearth_core.data.sample import Batch, ViewCounts

    specs = modalities(NAMES)
    random = torch.Generator().manual_seed(0)
    size = SIDE * PATCH
    arrays = {s.name: torch.rand(BATCH, *s.array_shape(size, size, DATES), generator=random) for s in specs}
    present = {s.name: arrays[s.name][:, ::PATCH, ::PATCH, :, :1] >= 0 for s in specs}
    dates = torch.tensor([[15, month, 2021] for month in range(DATES)]).repeat(BATCH, 1, 1)
    strategy = random_time_with_decode(only_decode_modalities=MAPS)
    first = Batch(arrays, {}, dates)
    batches = []
    for i in range(2):
        masks = strategy.mask(present, specs, Draws(range(BATCH)).child(i))
        batches.append(replace(first, masks=masks, counts=ViewCounts.of(masks), memo=first.memo))
    return batches, specs


def write_inputs(path: str) -> int:
    """Save both views for the reference, masks at pixel resolution; return the number of tokens."""
    import numpy as np

    batches, _ = views()
    found = {}
    for letter, batch in zip("ab", batches, strict=True):
        found[f"{letter}_timestamps"] = batch.timestamps.numpy()
        for name, array in batch.arrays.items():
            mask = batch.masks[name].repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)
            found |= {f"{letter}_{name}": array.numpy(), f"{letter}_{name}_mask": mask.long().numpy()}
    np.savez(path, **found)
    return sum(mask.numel() for batch in batches for mask in batch.masks.values())


def serve(_: str) -> None:
    """Step whenever a line comes in."""
    import torch

    from olmoearth_plugins.decoders.predictor import predictor
    from olmoearth_plugins.encoders.flexi_vit import flexi_vit
    from olmoearth_plugins.losses.info_nce import info_nce
    from olmoearth_plugins.losses.patch_discrimination_masked_negatives import (
        modality_patch_discrimination_masked_negatives,
    )
    from olmoearth_plugins.models.latent_mim import latent_mim
    from olmoearth_plugins.patch_embeddings.pixel_mlp_patches import pixel_mlp_patches
    from olmoearth_plugins.position_encodings.rope_3d_mixed import rope_3d_mixed

    torch.manual_seed(0)
    where = rope_3d_mixed(base=1e4, temporal_coordinate_scale=1 / 30)
    encoder = flexi_vit(
        embedding_size=128,
        num_heads=8,
        depth=4,
        mlp_ratio=4.0,
        patch_embedding=pixel_mlp_patches(hidden_sizes=[12]),
        band_dropout_rate=0.2,
        random_band_dropout=True,
        band_dropout_modalities=["sentinel2_l2a", "landsat"],
        position_encoding=where,
    )
    decoder = predictor(depth=4, mlp_ratio=4.0)
    batches, specs = views()
    model: Any = latent_mim(encoder_config=encoder, decoder_config=decoder, tokenization=GROUPS).build(specs)
    model.encoder.enable_band_dropout()
    loss = modality_patch_discrimination_masked_negatives(mask_negatives_for_modalities=MAPS)
    contrast = info_nce(weight=0.05)

    def step() -> float:
        batches[0].memo.clear()
        outputs = [model(batch, PATCH, full=False) for batch in batches]
        pairs = zip(outputs, batches, strict=True)
        base = torch.stack([loss(out.decoded, model.targets(batch, PATCH)) for out, batch in pairs]).mean()
        total = base + contrast(outputs[0].pooled, outputs[1].pooled)
        total.backward()
        model.zero_grad()
        return float(total.detach())

    for _line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        value = step()
        print(
            json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": value}),
            flush=True,
        )


if __name__ == "__main__":
    main()
