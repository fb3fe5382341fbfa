"""Where a path or URL of a config really is: packages may know schemes that fsspec does not (hook `resolve_uri`)."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import TYPE_CHECKING

from olmoearth_core.errors import DataError

if TYPE_CHECKING:
    import pluggy


def resolve(uri: str) -> str:
    """Return what to open for a path or URL: the answer of the first package that knows it, else the text itself.

    Raises:
        DataError: a package knows the scheme but failed to resolve it.
    """
    listeners = _listeners()
    if listeners is None:
        return uri
    try:
        found = listeners.hook.resolve_uri(uri=uri)
    except OSError as cause:
        raise DataError(f"{uri}: an installed package could not resolve it ({cause}).") from cause
    return uri if found is None else str(found)


def is_remote(place: str) -> bool:
    """Whether a resolved path or URL is a URL of anything but this machine's files."""
    return "://" in place and not place.startswith("file://")


@functools.cache
def _listeners() -> pluggy.PluginManager | None:
    """Load hook modules once per process, and pluggy only if there are any."""
    if not importlib.metadata.entry_points(group="olmoearth_hooks"):
        return None
    from olmoearth_core import plugins

    made = plugins.manager()
    plugins.load(made)
    return made
