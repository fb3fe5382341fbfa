"""From published flood chips to one file of tiles per split (evaluation.md 4.5)."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from olmoearth_benchmarks.dense.images import JULY_2020
from olmoearth_benchmarks.dense.whole_file import Stack, exists, write_tensors
from olmoearth_benchmarks.floods.chips import LABEL, OPTICAL, RADAR, TILE, Chips, day_of
from olmoearth_core.errors import DataError

SPLITS = ("train", "valid", "test", "bolivia")


def prepare(raw: str, out: str) -> Iterator[str]:
    """Write `flood_{train,valid,test,bolivia}_data.pt` below `out`; yield a line per split.

    Raises:
        DataError: chips or the lists of the three fixed splits are missing.
    """
    chips = Chips(raw)
    for split in SPLITS:
        name = f"flood_{split}_data.pt"
        listed = chips.listed(split)
        if listed is None:
            if split == "bolivia":
                continue
            raise DataError(f"{raw}: no flood_{split}_data.csv, the publisher's list of the split. Get it.")
        place = f"{out.rstrip('/')}/{name}"
        if exists(place):
            yield f"{name}: is there"
            continue
        yield f"{name}: {_write(chips, listed, place)} tiles"


def _write(chips: Chips, listed: list[str], place: str) -> int:
    chips.require(listed, (RADAR, OPTICAL))
    tiles, dates, side = chips.tiles(listed), chips.dates(), (TILE, TILE)
    if not tiles:
        raise DataError(f"{place}: none of {len(listed)} chips shows water. Get the labels again.")
    with Stack((2, *side), "float32") as s1, Stack((13, *side), "float32") as s2, Stack((1, *side), "int64") as labels:
        for tile in tiles:
            s1.add(chips.read(tile, RADAR))
            s2.add(chips.read(tile, OPTICAL))
            labels.add(chips.read(tile, LABEL))
        days = [day_of(dates, tile.chip, JULY_2020)[0].tolist() for tile in tiles]
        table = {
            "s1": s1.tensor(), "s2": s2.tensor(), "labels": labels.tensor(), "timestamps": torch.tensor(days),
            "names": [tile.name for tile in tiles], "groups": [tile.group for tile in tiles],
        }  # fmt: skip
        write_tensors(place, table)
    return len(tiles)
