"""What a run stands on: versions, devices, filters. Facts for `olmoearth doctor` and for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping

from olmoearth_core import plugins

PACKAGES = ("torch", "numpy", "h5py", "hdf5plugin", "rasterio", "catalogue", "confection", "pluggy", "typer", "xarray")
_FILTERS = {"zstd": 32015, "blosc": 32001, "blosc2": 32026, "lz4": 32004, "bitshuffle": 32008}
"""Registered HDF5 filter numbers (https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md)."""


def facts() -> dict[str, str]:
    """Return the facts of this machine and installation by name; imports torch and h5py."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        "olmoearth": _version("olmoearth") or "not installed, run from a folder",
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: version or "missing" for name, version in versions.items()},
        "device": _device(),
        "processors": f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}",
        "h5 filters": _filters(),
    }


def reported() -> Iterator[tuple[str, Mapping[str, str] | Exception]]:
    """Yield what hook modules say of the environment, by package, or how they failed to."""
    listeners = plugins.manager()
    for loaded in plugins.load(listeners):
        if loaded.error is None:
            answer = plugins.call_one(listeners, loaded.name, "describe_environment")
            if answer.error is not None or answer.result:
                yield loaded.origin, answer.error or answer.result


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return f"{len(names)} x {names[0]}, CUDA {torch.version.cuda}"
    return f"cpu, {torch.get_num_threads()} threads"


def _filters() -> str:
    import h5py
    import hdf5plugin  # noqa: F401  (importing it is what registers the filters)

    there = [name for name, number in _FILTERS.items() if h5py.h5z.filter_avail(number)]
    return f"{', '.join(there) or 'none'} (HDF5 {h5py.version.hdf5_version})"
