"""What a run was made of: versions, the hash of every component's file, modality specs, the state of the code.

Ranks compare the digest at start, so that a node with another version of a package stops the run instead of
quietly training something else.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from olmoearth_core.errors import TrainingError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.kinds import kinds
from olmoearth_core.registry import Component
from olmoearth_core.train import specs as modality_specs
from olmoearth_core.train.distributed import World

PACKAGES = ("olmoearth", "torch", "numpy", "h5py", "hdf5plugin", "confection", "catalogue", "pluggy")


def collect(
    tree: Mapping[str, Any] | None, objects: Mapping[str, object], specs: Sequence[ModalitySpec], *, folder: Path
) -> dict[str, Any]:
    """Return the provenance of a run as plain values.

    Args:
        tree: the resolved config, whose `@kind` lines name the components; None for a run made of objects.
        objects: what the run is made of where there is no config, by role.
        specs: the modalities in use.
        folder: where to look for a git repository.
    """
    packages, components = made_of(tree, specs)
    return {
        "packages": packages,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "components": components + ([] if tree else [_object(r, o) for r, o in objects.items()]),
        "modalities": modality_specs.to_json(specs),
        "git": git_state(folder),
    }


def made_of(
    tree: Mapping[str, Any] | None, specs: Sequence[ModalitySpec]
) -> tuple[dict[str, str | None], list[dict[str, Any]]]:
    """Return the versions of the packages, and the facts of each component, that a config and its modalities use."""
    components = [_component(c) for c in used(tree, specs)]
    owners = {c["distribution"] for c in components if c.get("distribution")}
    versions = {name: _version(name) for name in sorted({*PACKAGES, *owners})}
    return {name: version for name, version in versions.items() if version}, components


def digest(provenance: Mapping[str, Any]) -> str:
    """Return a hash of what decides the numbers: packages, components, modality specs."""
    parts = {k: provenance[k] for k in ("packages", "components", "modalities")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def compare(provenance: Mapping[str, Any], world: World) -> None:
    """Stop if the ranks do not run the same code.

    Raises:
        TrainingError: on every rank, naming the first rank that differs and its packages.
    """
    if world.size == 1:
        return
    mine = json.dumps({"digest": digest(provenance), "packages": provenance["packages"]}, sort_keys=True)
    first, *others = [json.loads(text) for text in world.gather_texts(mine)]
    for rank, other in enumerate(others, start=1):
        if other["digest"] != first["digest"]:
            both = first["packages"], other["packages"]
            names = sorted(n for n in {*both[0], *both[1]} if both[0].get(n) != both[1].get(n))
            found = ", ".join(f"{n} {both[0].get(n)} and {both[1].get(n)}" for n in names) or "other source files"
            raise TrainingError(
                f"ranks 0 and {rank} run different code: {found}. Install the same packages on every node."
            )


def used(tree: Mapping[str, Any] | None, specs: Sequence[ModalitySpec]) -> list[Component]:
    """Return every registered component that a config and its modalities name, sorted."""
    known = kinds()
    named = {(kind, name) for kind, name in _named(tree or {}) if kind in known}
    named |= {("modalities", spec.name) for spec in specs}
    named |= {("transforms", spec.derive) for spec in specs if spec.derive}
    return [known[kind].components()[name] for kind, name in sorted(named) if name in known[kind].components()]


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return commit and whether files are changed, or None outside a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _named(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            if value.get("enabled") is not False:  # a disabled block stays in the config, unused
                yield from _named(value)
        elif key.startswith("@") and isinstance(value, str):
            yield key[1:], value


def _component(c: Component) -> dict[str, Any]:
    facts = {"kind": c.kind, "name": c.name, "distribution": c.distribution, "version": c.version}
    return {**facts, "target": c.target, "sha256": c.sha256}


def _object(role: str, thing: object) -> dict[str, Any]:
    kind = type(thing)
    file = inspect.getsourcefile(kind)
    sha256 = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else None
    return {"role": role, "target": f"{kind.__module__}:{kind.__qualname__}", "sha256": sha256}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
