"""What official models are called, where they lie, and what must stay with their weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from olmoearth_core.interfaces.checkpoint import Remote

OWNER = "allenai"
RELEASED = (
    "OlmoEarth-v1-Nano", "OlmoEarth-v1-Tiny", "OlmoEarth-v1-Base", "OlmoEarth-v1-Large",
    "OlmoEarth-v1_1-Nano", "OlmoEarth-v1_1-Tiny", "OlmoEarth-v1_1-Base",
    "OlmoEarth-v1_2-Nano", "OlmoEarth-v1_2-Tiny", "OlmoEarth-v1_2-Small", "OlmoEarth-v1_2-Base",
    "OlmoEarth-v1_3-Base",
)  # fmt: skip
LICENCE = "OlmoEarth Artifact License"
LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt")
"""How the file of the licence may be called."""
_SIZES = {(128, 4): "nano", (192, 12): "tiny", (384, 12): "small", (768, 12): "base", (1024, 24): "large"}


def resolve(name: str) -> str | None:
    """Return the released name that somebody typed, in any case, with or without the owner."""
    typed = name.strip().lower().removeprefix("hf://").removeprefix(f"{OWNER}/")
    return next((known for known in RELEASED if known.lower() == typed), None)


def title(block: Mapping[str, Any], folder: Path, remote: Remote | None) -> str:
    """Return what people call a model: its released name, else version and size, as far as they can be told."""
    if remote is not None:
        return remote.repo.rpartition("/")[2]
    encoder = block["encoder_config"]
    size = _SIZES.get((encoder.get("embedding_size"), encoder.get("depth")))
    version = _version(encoder) if block["@models"] == "olmoearth.latent_mim.v1" else None
    return f"OlmoEarth {version} {size}" if size and version else folder.name


def source(folder: Path, remote: Remote | None) -> str:
    """Return where the weights came from; with the commit, which is the name of a folder of the hub's cache."""
    return str(folder.absolute()) if remote is None else f"{remote.repo}@{folder.name}"


def licence(folder: Path, remote: Remote | None) -> str:
    """Return the note that stays with the weights, and the text of the licence where the folder has it."""
    origin = f"https://huggingface.co/{remote.repo}" if remote else str(folder.absolute())
    note = (
        f"{LICENCE}\n\nThese weights come from {origin}. They are under the {LICENCE} of the Allen Institute for AI,\n"
        "also after conversion to another format. Read its text, which lies with the original, before you use or pass\n"
        "on the weights or what was made with them.\n"
    )
    texts = [file.read_text("utf-8", errors="replace") for file in sorted(folder.glob("LICENSE*"))]
    return "\n\n".join([note, *texts])


def _version(encoder: Mapping[str, Any]) -> str | None:
    patches, positions = (encoder.get(part) or {} for part in ("patch_embedding", "position_encoding"))
    pixels = patches.get("@patch_embeddings") == "olmoearth.pixel_mlp_patches.v1"
    mixed = positions.get("@position_encodings") == "olmoearth.rope_3d_mixed.v1"
    if encoder.get("attention_pooler"):
        return "v1.3"
    if pixels and mixed:
        return "v1.2"
    if pixels and not positions:
        return "v1.1"
    return "v1" if patches.get("@patch_embeddings") == "olmoearth.conv_patches.v1" and not positions else None
