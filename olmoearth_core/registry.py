"""Named components: what exists, where it came from, and how to get one.

Nothing is imported until a component is asked for by name, so a broken or heavy package costs nothing to those who
do not use it. Two packages that claim one name are refused, because catalogue would let either of them win depending
on the call. Installed names are read from package metadata once per process; `refresh` forgets them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Any

import catalogue

from olmoearth_core import names
from olmoearth_core.errors import BrokenComponent, NameClash, UnknownComponent

GROUP = "olmoearth"
HERE = "this process"
"""Stands for the distribution of what was registered by a decorator instead of being installed."""


@dataclass(frozen=True)
class Component:
    """One name in one registry, not yet imported.

    distribution, version: the package that provides it. target: "module:function".
    rivals: others that claim the same name; a component with rivals cannot be loaded.
    """

    kind: str
    name: str
    distribution: str
    version: str
    target: str
    load: Callable[[], Any] = field(compare=False, repr=False)
    rivals: tuple[Component, ...] = ()

    @property
    def origin(self) -> str:
        """Package and version, as people write them."""
        return f"{self.distribution} {self.version}".strip()

    @property
    def file(self) -> Path | None:
        """The source file that defines it (imports the package around it, not the module itself)."""
        try:
            spec = importlib.util.find_spec(self.target.partition(":")[0])
        except (ImportError, ValueError):
            return None
        return Path(spec.origin) if spec and spec.has_location and spec.origin else None

    @property
    def sha256(self) -> str | None:
        """Hash of that file, for the provenance of a run."""
        file = self.file
        return hashlib.sha256(file.read_bytes()).hexdigest() if file and file.is_file() else None


class Registry(catalogue.Registry):  # type: ignore[misc]
    """A catalogue registry that is lazy, refuses clashes, knows origins and says what was probably meant."""

    def __init__(self, kind: str, promise: str | None = None) -> None:
        """kind: name in configs (`@kind`) and end of the entry-point group. promise: "module:name" of its interface."""
        super().__init__((GROUP, kind), entry_points=True)
        self.kind = kind
        self.promise = promise

    @property
    def interface(self) -> Any:
        """The Protocol or class that factories of this kind return; None where there is none yet."""
        if self.promise is None:
            return None
        module, _, name = self.promise.partition(":")
        return getattr(importlib.import_module(module), name)

    def canonical(self, name: str) -> str:
        """Return the registered spelling of what a user typed: the case of a modality does not matter."""
        return name.strip().lower() if self.kind == "modalities" else name

    def components(self) -> dict[str, Component]:
        """Return every known name in alphabetical order, without importing any of them."""
        found: dict[str, Component] = {}
        for component in (*_installed().get(self.kind, ()), *self._in_process()):
            first = found.setdefault(component.name, component)
            if first.target != component.target:
                found[component.name] = replace(first, rivals=(*first.rivals, component))
        return dict(sorted(found.items()))

    def component(self, name: str) -> Component:
        """Return one component, not imported; raise UnknownComponent or NameClash."""
        known, typed = self.components(), name
        name = self.canonical(name)
        if name not in known:
            raise UnknownComponent(f'no {self.kind} named "{typed}". {self._advice(name, known)}')
        if known[name].rivals:
            raise NameClash(_clash(known[name]))
        return known[name]

    def get(self, name: str) -> Any:
        """Import the module of one component and return its factory; raise also BrokenComponent."""
        component = self.component(name)
        factory = _load(component)
        return factory if self.promise is None else _checked(factory, component, self.interface)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.canonical(name) in self.components()

    def get_all(self) -> dict[str, Any]:
        """Import everything of this kind; the first broken component raises."""
        return {name: self.get(name) for name in self.components()}

    def register(self, name: str, *, func: Any = None) -> Any:
        """Register a factory of this process under a name, directly or as a decorator; refuse a taken name."""
        pattern = names.MODALITY if self.kind == "modalities" else names.COMPONENT
        if not pattern.fullmatch(name):
            example = "its_data_name" if self.kind == "modalities" else "package.thing.v1"
            raise ValueError(f'"{name}" is no name for one of {self.kind}; write it like "{example}"')

        def accept(function: Any) -> Any:
            taken = self.components().get(name)
            mine = _of_this_process(self.kind, name, function)
            if taken and taken.target != mine.target:
                raise NameClash(_clash(replace(taken, rivals=(mine,))))
            catalogue.REGISTRY[GROUP, self.kind, name] = function
            return function

        return accept if func is None else accept(func)

    def _in_process(self) -> Iterator[Component]:
        for key, function in catalogue.REGISTRY.items():
            if key[:-1] == (GROUP, self.kind):
                yield _of_this_process(self.kind, key[-1], function)

    def _advice(self, name: str, known: dict[str, Component]) -> str:
        if package := names.missing_package(name):
            return f"The package {package} provides it and is not installed: pip install {package}"
        absent = names.absent_modalities() if self.kind == "modalities" else {}
        close = names.closest(name, [*known, *absent])
        if close in absent:
            return f'Did you mean "{close}"? It needs the package {absent[close]}: pip install {absent[close]}'
        return f'Did you mean "{close}"?' if close else f"Known: {', '.join(known) or 'none'}."


def refresh() -> None:
    """Forget what was installed: for tests, and after pip install in a notebook."""
    importlib.invalidate_caches()
    _installed.cache_clear()


@functools.cache
def _installed() -> dict[str, tuple[Component, ...]]:
    """One scan for all kinds: a scan per kind would cost 9 ms each at 200 packages."""
    points = importlib.metadata.entry_points()
    groups = [group for group in points.groups if group.startswith(f"{GROUP}_")]
    return {
        group.removeprefix(f"{GROUP}_"): tuple(_from_metadata(point) for point in points.select(group=group))
        for group in groups
    }


def _from_metadata(point: importlib.metadata.EntryPoint) -> Component:
    kind = point.group.removeprefix(f"{GROUP}_")
    distribution, version = (point.dist.name, point.dist.version) if point.dist else ("an unnamed package", "")
    return Component(kind, point.name, distribution, version, point.value, point.load)


def _of_this_process(kind: str, name: str, function: Any) -> Component:
    target = f"{function.__module__}:{function.__qualname__}"
    return Component(kind, name, HERE, "", target, lambda: function)


def _load(component: Component) -> Any:
    try:
        return component.load()
    # A package may fail to import in any way it likes; whatever it is, it is that package's failure.
    except Exception as error:
        raise BrokenComponent(
            f'"{component.name}" ({component.kind}) is provided by {component.origin}, but loading '
            f"{component.target} failed:\n    {type(error).__name__}: {error}\n"
            f"Reinstall or update {component.distribution}; nothing else is affected."
        ) from error


def _clash(component: Component) -> str:
    claims = "\n".join(f"    {c.target}  ({c.origin})" for c in (component, *component.rivals))
    return (
        f'two packages register the {component.kind} "{component.name}":\n{claims}\n'
        "Uninstall one of them, or ask its author to use a prefix of their own."
    )


def _checked(factory: Any, component: Component, interface: type | UnionType) -> Any:
    @functools.wraps(factory)
    def build(*args: Any, **kwargs: Any) -> Any:
        product = factory(*args, **kwargs)
        if not isinstance(product, interface):
            raise BrokenComponent(
                f"{component.target} ({component.origin}) is registered as {component.kind} "
                f"but returned {type(product).__name__}, which is no {getattr(interface, '__name__', interface)}. "
                f"Tell the authors of {component.distribution}."
            )
        return product

    return build
