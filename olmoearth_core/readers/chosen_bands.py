"""Which bands of a product are returned: those asked for, in the order of the specification."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

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


def bands_of_all_times(
    source: str, by_time: Mapping[datetime, Collection[str]], bands: Sequence[str] | None
) -> list[str]:  # fmt: skip
    """Return the bands that all times have; those that only some have must not be asked for.

    Raises:
        DataError: times differ in a band that is asked for; names both.
    """
    times = {time: list(by_time[time]) for time in sorted(by_time)}
    first_time, first = next(iter(times.items()))
    everywhere = [band for band in first if all(band in found for found in times.values())]
    uneven = next((time for time, found in times.items() if set(found) != set(first)), None)
    if uneven is not None and (bands is None or not set(bands) <= set(everywhere)):
        raise DataError(
            f"{source}: {first_time.date()} has {', '.join(first)}, {uneven.date()} has {', '.join(times[uneven])}. "
            f"Ask for bands that all times have in common: {', '.join(everywhere) or 'none'}."
        )
    return everywhere
