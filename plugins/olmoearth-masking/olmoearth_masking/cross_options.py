"""The options that the four strategies "modality cross" have in common, checked once, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.modality_cross import ModalityCross
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import check_names, check_ratios, metric_name
from olmoearth_masking.selection import Selection, check_selection

ALL: frozenset[Kind] = frozenset({"space_time", "space", "time", "static"})
SPATIAL: frozenset[Kind] = frozenset({"space_time", "space"})
TEMPORAL: frozenset[Kind] = frozenset({"space_time", "time"})
"""Kinds of modalities to which an inner strategy gives its own structure."""


@dataclass(frozen=True)
class Cross:
    """Options of one such strategy; raises ConfigError if they contradict each other."""

    name: str
    encode_ratio: float
    decode_ratio: float
    selection: Selection
    only_decode: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check all options."""
        check_ratios(self.name, self.encode_ratio, self.decode_ratio)
        check_names(self.name, only_decode_modalities=self.only_decode)
        check_selection(self.name, self.selection)

    def on(self, inner: Masking, structured: frozenset[Kind]) -> Masking:
        """Select band groups on top of an inner strategy."""
        redraw = Redraw(self.encode_ratio, self.decode_ratio)
        only = frozenset(self.only_decode)
        return ModalityCross(metric_name(self.name), inner, structured, self.selection, redraw, only)

    def legacy(self, key: str) -> Masking:
        """Return the reference's strategy of this key with the same options."""
        from olmoearth_masking.legacy import legacy_masking

        return legacy_masking(
            key,
            encode_ratio=self.encode_ratio,
            decode_ratio=self.decode_ratio,
            allow_encoding_decoding_same_bandset=self.selection.share,
            min_encoded_bandsets=self.selection.min_encoded,
            max_encoded_bandsets=self.selection.max_encoded,
            min_decoded_bandsets=self.selection.min_decoded,
            max_decoded_bandsets=self.selection.max_decoded,
            only_decode_modalities=list(self.only_decode),
        )
