"""Draw the pictures of docs/masking.md, two draws of each strategy on one made-up sample, and write its option tables.

From the top of the checkout: `.venv/bin/python docs/images/masking/draw.py`; keys behind it: only these pictures.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from olmoearth_core import modalities
from olmoearth_core.data.mask_example import Example, made_up, rows
from olmoearth_core.data.mask_picture import Sheet, draw
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.describe import argument_help
from olmoearth_core.kinds import registry

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "masking.md"
SPECS = modalities(["sentinel2_l2a", "sentinel1", "landsat", "worldcover", "latlon"])
MAPS = ["worldcover"]
MONTHS = 8
RATIOS = {"encode_ratio": 0.25, "decode_ratio": 0.5}
SETTINGS: dict[str, dict[str, Any]] = {
    "random": RATIOS,
    "space": RATIOS,
    "time": RATIOS,
    "space_time": RATIOS,
    "random_space": RATIOS,
    "random_increasing": {},
    "random_range": {},
    "random_fixed_modality": {"decoded_modalities": MAPS, "randomize_missing_modalities": ["sentinel1", "landsat"]},
    "selectable_modality": {
        "decodable_modalities": ["worldcover", "landsat"],
        "fully_mask_modalities": ["sentinel1"],
        "max_to_mask": 2,
    },
    "selectable_random_range_modality": {
        "decodable_modalities": ["worldcover", "landsat"],
        "fully_mask_modalities": ["sentinel1"],
        "max_to_mask": 2,
    },
    "modality_cross_random": {"only_decode_modalities": MAPS},
    "modality_cross_space": {"only_decode_modalities": MAPS},
    "modality_cross_time": {"only_decode_modalities": MAPS},
    "modality_cross_space_time": {"only_decode_modalities": MAPS},
    "random_with_decode": {"only_decode_modalities": MAPS},
    "random_time_with_decode": {"only_decode_modalities": MAPS},
    "choice": {
        "strategies": {"patches": {"@maskings": "masking.space.v1"}, "months": {"@maskings": "masking.time.v1"}}
    },
    "only_decode": {"modalities": MAPS, "strategy": {"@maskings": "masking.space.v1", **RATIOS}},
    "schedule": {
        "strategy": {"@maskings": "masking.space.v1"},
        "final_encode_ratio": 0.1,
        "final_decode_ratio": 0.9,
    },
}
"""Key -> the settings of its picture. Those without an encode_ratio have the defaults."""
SAMPLES = {"random_range": 29, "selectable_modality": 7, "selectable_random_range_modality": 7}
"""Key -> which sample is drawn, where sample 1 does not show what the text is about."""
STEPS = {"random_increasing": (1, 1000), "schedule": (1, 1000)}
"""Key -> steps of the two draws, where masks depend on them."""


def sheet(key: str) -> Sheet:
    """Return what the picture of a strategy shows."""
    settings, sample, steps = SETTINGS[key], SAMPLES.get(key, 1), STEPS.get(key, ())
    if steps:
        views = tuple(_example(key, settings, sample, step).views[0] for step in steps)
        example = replace(_example(key, settings, sample, 1), views=views)
        headings = tuple(f"step {step:,}" for step in steps)
    else:
        example, headings = _example(key, settings, sample, 1), ("one draw", "another draw")
    lines = [f"{name} = {_spelled(value)}" for name, value in settings.items()]
    notes = tuple("; ".join(lines[i : i + 3]) for i in range(0, len(lines), 3)) or ("default settings",)
    shown = tuple(rows(example, SPECS, Tokenization()))
    return Sheet(f"masking.{key}.v1", notes, example.dates, shown, headings)


def options(key: str) -> str:
    """Return the table of a strategy's options, from its signature and docstring."""
    factory = registry.maskings.get(f"masking.{key}.v1")
    said = argument_help(factory)
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for option in inspect.signature(factory).parameters.values():
        default = "needed" if option.default is option.empty else f"`{json.dumps(option.default)}`"
        lines.append(f"| `{option.name}` | {default} | {said.get(option.name, '').rstrip('.')} |")
    return "\n".join(lines) + "\n"


def tables(page: str) -> str:
    """Return the page with its tables of options as they should be."""
    between = re.compile(r"(<!-- options: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
    return between.sub(lambda found: found[1] + options(found[2]) + found[3], page)


def main(keys: list[str]) -> None:
    """Draw some or all."""
    PAGE.write_text(tables(PAGE.read_text("utf-8")), "utf-8")
    for key in keys or [key for key in SETTINGS if f"masking.{key}.v1" in registry.maskings]:
        draw(FOLDER / f"{key}.png", sheet(key))


def _example(key: str, settings: dict[str, Any], sample: int, step: int) -> Example:
    masking = _built({"@maskings": f"masking.{key}.v1", **settings})
    return made_up(
        SPECS, (masking, masking), Tokenization(), patch_size=8, seed=0, step=step, sample=sample, steps=MONTHS
    )


def _built(value: Any) -> Any:
    """Make the strategies of nested blocks, inner ones first."""
    if not isinstance(value, dict):
        return value
    settings = {key: _built(below) for key, below in value.items() if key != "@maskings"}
    return registry.maskings.get(value["@maskings"])(**settings) if "@maskings" in value else settings


def _spelled(value: Any) -> str:
    """Write a setting in one line, blocks as their name with their settings in brackets."""
    if not isinstance(value, dict):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    name = value.get("@maskings", "")
    inner = ", ".join(f"{key}: {_spelled(below)}" for key, below in value.items() if key != "@maskings")
    return f"{name} ({inner})" if name and inner else name or inner


if __name__ == "__main__":
    main(sys.argv[1:])
