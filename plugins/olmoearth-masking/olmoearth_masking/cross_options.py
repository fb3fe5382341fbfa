"""The four strategies "modality cross" have one list of options: written, checked and put to use once, here.

Each of them is a file of its own that says which strategies it is built on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from olmoearth_core.interfaces.masking import Masking
from olmoearth_core.interfaces.modality import Kind
from olmoearth_masking.choice import Choice
from olmoearth_masking.legacy import legacy_masking
from olmoearth_masking.modality_cross import ModalityCross
from olmoearth_masking.redraw import Redraw
from olmoearth_masking.role_options import check_names, check_ratios, metric_name
from olmoearth_masking.selection import Selection, check_selection

ALL: frozenset[Kind] = frozenset({"space_time", "space", "time", "static"})
SPATIAL: frozenset[Kind] = frozenset({"space_time", "space"})
TEMPORAL: frozenset[Kind] = frozenset({"space_time", "time"})
"""Kinds of modalities to which an inner strategy gives its own structure."""
Inner = Mapping[str, tuple[Callable[..., Masking], frozenset[Kind]]]
"""By name: the factory of an inner strategy, and the kinds to which it gives structure."""
_DOC = """Select band groups for encoding and decoding, {inside} inside each.

    encode_ratio, decode_ratio: shares of {shares} would encode and decode.
    allow_encoding_decoding_same_bandset: whether one band group may do both. If not, what is not encoded is decoded.
    min_encoded_bandsets, max_encoded_bandsets: bounds of the number of encoded band groups, all numbers between being
        equally likely; at least 2, null = all that may be encoded (less one, if a group may not do both).
    min_decoded_bandsets, max_decoded_bandsets: the same for decoding; null = from 1 (if a group may do both) to all.
    only_decode_modalities: never encoded; null = none.
    legacy: select and draw as the reference does; there {there}.

    Raises:
        ConfigError: a ratio outside [0, 1], both ratios above 1 together, bounds that no sample can meet, or a modality
            named twice.
    """
_THERE = (
    "every group that is not encoded is decoded, and\n"
    "        `only_decode_modalities` are encoded in a sample that has one or two groups"
)


def crossed(key: str, inner: Inner, *, inside: str, shares: str, there: str = _THERE) -> Callable[..., Masking]:
    """Return the factory of one of these strategies.

    key: its name. inner: what it selects band groups of; of two, each sample draws one.
    inside, shares, there: what its docstring says of them.
    """

    def factory(
        *,
        encode_ratio: float = 0.5,
        decode_ratio: float = 0.5,
        allow_encoding_decoding_same_bandset: bool = False,
        min_encoded_bandsets: int | None = 2,
        max_encoded_bandsets: int | None = None,
        min_decoded_bandsets: int | None = None,
        max_decoded_bandsets: int | None = None,
        only_decode_modalities: list[str] | None = None,
        legacy: bool = False,
    ) -> Masking:
        selection = Selection(
            allow_encoding_decoding_same_bandset,
            min_encoded_bandsets,
            max_encoded_bandsets,
            min_decoded_bandsets,
            max_decoded_bandsets,
        )
        cross = _Cross(key, encode_ratio, decode_ratio, selection, tuple(only_decode_modalities or ()))
        return cross.legacy() if legacy else cross.around(inner)

    factory.__doc__ = _DOC.format(inside=inside, shares=shares, there=there)
    factory.__name__ = factory.__qualname__ = key
    return factory


@dataclass(frozen=True)
class _Cross:
    key: str
    encode_ratio: float
    decode_ratio: float
    selection: Selection
    only_decode: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise ConfigError if options contradict each other."""
        check_ratios(self.name, self.encode_ratio, self.decode_ratio)
        check_names(self.name, only_decode_modalities=self.only_decode)
        check_selection(self.name, self.selection)

    @property
    def name(self) -> str:
        return f"masking.{self.key}.v1"

    def around(self, inner: Inner) -> Masking:
        ratios = {"encode_ratio": self.encode_ratio, "decode_ratio": self.decode_ratio}
        parts = {word: self._on(factory(**ratios), kinds) for word, (factory, kinds) in inner.items()}
        if len(parts) == 1:
            return parts.popitem()[1]
        return Choice(metric_name(self.name), parts, (1.0,) * len(parts))

    def _on(self, inner: Masking, structured: frozenset[Kind]) -> Masking:
        redraw, only = Redraw(self.encode_ratio, self.decode_ratio), frozenset(self.only_decode)
        return ModalityCross(metric_name(self.name), inner, structured, self.selection, redraw, only)

    def legacy(self) -> Masking:
        return legacy_masking(
            self.key,
            encode_ratio=self.encode_ratio,
            decode_ratio=self.decode_ratio,
            allow_encoding_decoding_same_bandset=self.selection.share,
            min_encoded_bandsets=self.selection.min_encoded,
            max_encoded_bandsets=self.selection.max_encoded,
            min_decoded_bandsets=self.selection.min_decoded,
            max_decoded_bandsets=self.selection.max_decoded,
            only_decode_modalities=list(self.only_decode),
        )
