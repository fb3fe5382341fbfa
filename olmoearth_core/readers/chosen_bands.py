"""Which bands of a product are returned: those asked for, in the order of the specification."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from olmoearth_core.errors import DataError
from olmoearth_core.interfaces.modality import ModalitySpec


def chosen_bands(
    source: str, there: Collection[str], spec: ModalitySpec, bands: Sequence[str] | None
) -> tuple[str, ...]:  # fmt: skip
    """Return names of bands as `Reader.read` promises them.

    source: for messages. there: bands that the product has. bands: those asked for; null = all that it has.

    Raises:
        DataError: one asked for does not exist or is not in the product, or none is left.
    """
    known = [band for band in spec.band_order if band in there]
    if strange := [band for band in bands or () if band not in spec.band_order]:
        raise DataError(f"{source}: {spec.name} has no band {', '.join(strange)} ({', '.join(spec.band_order)}).")
    if missing := [band for band in bands or () if band not in there]:
        there_are = ", ".join(known) or "none"
        raise DataError(f"{source}: has no band {', '.join(missing)}, only {there_are}. Ask for those.")
    chosen = tuple(band for band in known if bands is None or band in bands)
    if not chosen:
        raise DataError(f"{source}: none of the bands asked for; it has {', '.join(known) or 'none'}. Name some.")
    return chosen
