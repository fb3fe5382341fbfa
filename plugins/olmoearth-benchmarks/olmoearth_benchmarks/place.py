"""Where the data of a benchmark lies: what the config says, else the documented environment variable."""

from __future__ import annotations

import os

from olmoearth_core import uri
from olmoearth_core.errors import DataError


def folder(given: str | None, about_variable: str, benchmark: str) -> str:
    """Return the folder's fsspec URL or path.

    given: the component's `root`. about_variable: environment variable, for example MADOS_DIR.

    Raises:
        DataError: neither is set.
    """
    found = given or os.environ.get(about_variable)
    if not found:
        raise DataError(
            f"{benchmark}: where its data lies is not known. Set the environment variable {about_variable} to its "
            f"folder (a path or a URL such as s3://...), or `root` of the benchmark in the config. "
            f"`olmoearth benchmarks list` says how to get the data."
        )
    return uri.resolve(found)
