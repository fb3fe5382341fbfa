"""Draw the pictures of docs/data_care.md from simulated tiles: `.venv/bin/python docs/images/data/draw.py`.

The landscape is made up, so the pictures are under no licence but this repository's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from olmoearth_core.care import sheet_picture, world_map
from olmoearth_core.care.sheet import sheet
from olmoearth_core.cli.main import main
from olmoearth_core.data.folder import find
from olmoearth_core.kinds import registry
from olmoearth_core.lookup import modalities

HERE = Path(__file__).parent


def run(*words: object) -> None:
    """Run one `olmoearth dataset` command, which ends as a program does."""
    try:
        main(["dataset", *map(str, words)])
    except SystemExit as end:
        if end.code:
            raise


def draw(folder: Path) -> None:
    """Simulate three tiles, convert them and draw; the places of the map are drawn at random."""
    run("simulate", folder / "tiles", "--tiles", 3)
    run("convert", folder / "tiles", folder / "h5", "--workers", 0)
    specs = {spec.name: spec for spec in modalities(sorted(registry.modalities.components()))}
    # A third of the size on disk of what `olmoearth dataset show` writes, with the same content.
    sheet_picture.draw(sheet(find(str(folder / "h5")), 5, specs), HERE / "sample.png", dpi=65)
    shown = "sentinel1,srtm,worldcover,landsat"
    run("stats", folder / "h5", "--modalities", shown, "--picture", HERE / "histograms.png")
    rng = np.random.default_rng(4)
    centres = np.stack([rng.uniform(-40, 60, 14), rng.uniform(-130, 150, 14)], axis=1)
    places = np.concatenate([rng.normal(centre, 4, (int(rng.integers(3, 60)), 2)) for centre in centres])
    title = f"{len(places)} samples at {len(places)} places (made up)"
    world_map.draw(world_map.counted(places, 5), title, HERE / "map.png")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        draw(Path(temporary))
