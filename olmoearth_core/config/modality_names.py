"""Where a config names modalities, and what happens to a name.

Arguments called `...modalities` or `...modality` that hold texts, and the keys of `tokenization`, `token_exit_cfg` and
`modality_...` sections, are modality names: case does not matter, an unknown one is a fault, and in lists and keys a
known one that is not trained is left out with a note: one recipe serves any `dataset.training_modalities`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from olmoearth_core.config.reference import pending
from olmoearth_core.config.source import Path, Tree
from olmoearth_core.errors import NameClash, UnknownComponent
from olmoearth_core.kinds import registry

TRAINING: Path = ("dataset", "training_modalities")
"""The one place that chooses which modalities there are, and their order everywhere."""
_KEYED = ("tokenization", "token_exit_cfg")


@dataclass
class ModalityNames:
    """The rule, for one config. trained: the chosen modalities, None while they are not known."""

    trained: tuple[str, ...] | None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tree: Tree) -> ModalityNames:
        """Read which modalities a tree trains."""
        dataset = tree.get(TRAINING[0])
        given = dataset.get(TRAINING[1]) if isinstance(dataset, dict) else None
        good = isinstance(given, list) and all(isinstance(n, str) for n in given) and not pending(given)
        return cls(tuple(map(registry.modalities.canonical, given)) if good and given else None)

    def apply(self, value: Any, path: Path, fault: Callable[[Path, str], None]) -> Any:
        """Return an argument's value with its modality names put right."""
        name = path[-1]
        if name.endswith("modality") and isinstance(value, str):
            self._known(registry.modalities.canonical(value), path, fault)
            return registry.modalities.canonical(value)
        if name.endswith("modalities") and isinstance(value, list) and all(isinstance(n, str) for n in value):
            return self._list(value, path, fault)
        if isinstance(value, dict) and (name.startswith(("modality_", "token_exit_cfg")) or name in _KEYED):
            spelled = {key: registry.modalities.canonical(key) for key in value}
            kept = self._keep(list(spelled.values()), path, fault)
            return {spelled[key]: part for key, part in value.items() if spelled[key] in kept}
        return value

    def _list(self, value: list[str], path: Path, fault: Callable[[Path, str], None]) -> list[str]:
        spelled = [registry.modalities.canonical(name) for name in value]
        if path == TRAINING and not spelled:
            fault(path, f'names no modality; write e.g. ["{_example()}"]')
        for name in dict.fromkeys(spelled):
            if spelled.count(name) > 1:
                fault(path, f'"{name}" is given more than once (upper or lower case is the same)')
        return self._keep(spelled, path, fault)

    def _keep(self, spelled: list[str], path: Path, fault: Callable[[Path, str], None]) -> list[str]:
        kept: list[str] = []
        gone: list[str] = []
        for name in spelled:
            self._known(name, path, fault)
            if path == TRAINING or self.trained is None or name in self.trained:
                kept.append(name)
            elif name in registry.modalities:
                gone.append(name)
        if gone:
            self.notes.append(f"{'.'.join(path)}: not trained and left out: {', '.join(gone)}")
        return kept

    def _known(self, name: str, path: Path, fault: Callable[[Path, str], None]) -> None:
        try:
            registry.modalities.component(name)
        except (UnknownComponent, NameClash) as error:
            fault(path, str(error))


def _example() -> str:
    return next(iter(registry.modalities.components()), "a_modality")
