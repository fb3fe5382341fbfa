"""Check a whole tree at once: every key, component, type and name; and fill in what was left to defaults.

Only the modules of the components that the tree names are imported; a block with `enabled = false` is not looked up.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from olmoearth_core import names
from olmoearth_core.config.alternatives import ALTERNATIVES, chosen
from olmoearth_core.config.hints import MISSING, Argument, Block, Shape, arguments, root, shape
from olmoearth_core.config.modality_names import ModalityNames
from olmoearth_core.config.reference import Reference, pending
from olmoearth_core.config.source import Path, Tree
from olmoearth_core.config.values import Misfit, fit, found, takes_text
from olmoearth_core.errors import BrokenComponent, NameClash, UnknownComponent
from olmoearth_core.interfaces.settings import check_of
from olmoearth_core.kinds import kinds


@dataclass
class Examination:
    """What a check found. unknown: keys that nothing takes, with what could stand there."""

    tree: Tree = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[tuple[Path, str, tuple[str, ...]]] = field(default_factory=list)


def examine(tree: Tree, typed: Mapping[Path, str | None], *, partial: bool = False) -> Examination:
    """Check and fill a merged tree.

    typed: raw text of values that came from the command line, None for a bare switch.
    partial: top sections may be missing.
    """
    examiner = _Examiner(ModalityNames.of(tree), typed)
    top = [a for a in root() if not partial or a.name in tree]
    examiner.found.tree = examiner.fill(tree, top, (), "a config")
    examiner.found.notes += examiner.modalities.notes
    return examiner.found


class _Examiner:
    def __init__(self, modalities: ModalityNames, typed: Mapping[Path, str | None]) -> None:
        self.found = Examination()
        self.modalities = modalities
        self.typed = typed

    def fault(self, path: Path, message: str) -> None:
        self.found.faults.append((path, message))

    def fill(self, node: Tree, takes: list[Argument], path: Path, owner: str) -> Tree:
        """Check a section key by key; return it with defaults, in declared order."""
        filled = {key: value for key, value in node.items() if key.startswith("@")}
        options = tuple(argument.name for argument in takes)
        for key in node:
            if key not in options and not key.startswith("@"):
                self.found.unknown.append(((*path, key), owner, options))
        section = path[-1] if path else ""
        silent = {key for group in ALTERNATIVES.get(section, ()) for key in group} if chosen(section, node) else set()
        for argument in takes:
            below = (*path, argument.name)
            if argument.name in node:
                filled[argument.name] = self.argument(node[argument.name], argument, below)
            elif argument.name in silent:
                filled[argument.name] = None
            elif argument.default is not MISSING:
                filled[argument.name] = self.default(argument, below, owner)
            else:
                self.missing(filled, argument, below, owner)
        return filled

    def default(self, argument: Argument, path: Path, owner: str) -> Any:
        """Return a default as plain values; one that no file can hold is its author's mistake."""
        value = plain(argument.default)
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            self.fault(path, f"{owner} has the default {value!r}, which no config can hold; tell its authors")
        return value

    def missing(self, filled: Tree, argument: Argument, path: Path, owner: str) -> None:
        """A key without default was not given: a plain section may still be empty, anything else is a fault."""
        form = shape(argument.hint)
        if form.form == "section":
            filled[argument.name] = self.visit({}, form, argument.hint, path)
        elif form.form == "block":
            self.fault(path, f"{owner} needs this section; {_write(form.inner)}")
        else:
            self.fault(path, f"{owner} needs {argument.name}; give it a value")

    def argument(self, value: Any, argument: Argument, path: Path) -> Any:
        """Check one key, with the rules that hold for modality names."""
        checked = self.visit(value, shape(argument.hint), argument.hint, path)
        if pending(checked):
            return checked
        return self.modalities.apply(checked, path, self.fault)

    def visit(self, value: Any, form: Shape, hint: Any, path: Path) -> Any:
        """Check one value against the shape of its place."""
        if isinstance(value, Reference) or (value is None and form.optional and form.form != "any"):
            return value
        if form.form == "any":
            return self.anything(value, path)
        if form.form == "value":
            return self.value(value, hint, path)
        if not isinstance(value, dict):
            wanted = _write(form.inner) if form.form == "block" else f"expected a section [{'.'.join(path)}]"
            self.fault(path, f"{wanted}, got {found(value)}")
            return value
        if form.form == "block":
            return self.block(value, form.inner, path)
        if form.form == "section":
            return self.section(value, form.inner, path)
        return {key: self.item(part, form.inner, (*path, key)) for key, part in value.items()}

    def anything(self, value: Any, path: Path) -> Any:
        """Where any value may stand, blocks are still checked."""
        if not isinstance(value, dict):
            return self.value(value, list if isinstance(value, list) else Any, path)
        if any(key.startswith("@") for key in value):
            return self.block(value, Block(()), path)
        return {key: self.anything(part, (*path, key)) for key, part in value.items()}

    def value(self, value: Any, hint: Any, path: Path) -> Any:
        """Check a plain value; a text option of the command line may look like a number."""
        if pending(value):
            return value
        raw = self.typed.get(path, "")
        try:
            return fit(value, hint)
        except Misfit as misfit:
            if raw and not isinstance(value, str) and takes_text(hint):
                return raw
            self.fault(path, f"needs a value: {str(misfit).split(', got')[0]}" if raw is None else str(misfit))
            return value

    def item(self, value: Any, hint: Any, path: Path) -> Any:
        """Check one part of a section of named parts; `enabled` is ours and not the part's."""
        if not isinstance(value, dict) or "enabled" not in value or shape(hint).form == "value":
            return self.visit(value, shape(hint), hint, path)
        if not isinstance(value["enabled"], bool):
            self.fault((*path, "enabled"), f"expected true or false, got {found(value['enabled'])}")
        if value["enabled"] is False:
            return value
        rest = {key: part for key, part in value.items() if key != "enabled"}
        return {"enabled": value["enabled"], **self.visit(rest, shape(hint), hint, path)}

    def section(self, node: Tree, schema: type, path: Path) -> Tree:
        """Check a plain section."""
        for key in [key for key in node if key.startswith("@")]:
            self.fault((*path, key), "this is a plain section; it names no component")
        before = len(self.found.faults) + len(self.found.unknown)
        return self.judged(schema, self.fill(node, arguments(schema), path, f"[{'.'.join(path)}]"), path, before)

    def block(self, node: Tree, wanted: Block, path: Path) -> Tree:
        """Check a block: its kind, its name, and then its arguments."""
        factory = self.factory(node, wanted, path)
        if factory is None:
            return {key: self.anything(part, (*path, key)) for key, part in node.items()}
        at = next(key for key in node if key.startswith("@"))
        before = len(self.found.faults) + len(self.found.unknown)
        node = {**node, at: getattr(kinds().get(at[1:]), "canonical", str)(node[at])}
        return self.judged(factory, self.fill(node, arguments(factory), path, node[at]), path, before)

    def judged(self, owner: Callable[..., Any], filled: Tree, path: Path, before: int) -> Tree:
        """Let the owner of a section judge its own settings, if each of them is sound by itself."""
        check = check_of(owner)
        if check and before == len(self.found.faults) + len(self.found.unknown) and not pending(filled):
            for remark in check({key: part for key, part in filled.items() if not key.startswith("@")}):
                if remark.fault:
                    self.fault((*path, remark.key), remark.message)
                else:
                    self.found.notes.append(f"{'.'.join((*path, remark.key))}: {remark.message}")
        return filled

    def factory(self, node: Tree, wanted: Block, path: Path) -> Callable[..., Any] | None:
        """Look up the component that a block names; complain and return None if that is impossible."""
        at = [key for key in node if key.startswith("@")]
        if len(at) != 1:
            self.fault(
                path,
                f"names {len(at)} components: {', '.join(at)}; keep one"
                if at
                else f"names no component; {_write(wanted)}",
            )
            return None
        path, kind, name = (*path, at[0]), at[0][1:], node[at[0]]
        if kind not in kinds():
            close = names.closest(kind, kinds())
            self.fault(
                path,
                f'there is no kind "{kind}". '
                + (f"Did you mean @{close}?" if close else f"Kinds: {', '.join(kinds())}."),
            )
        elif wanted.kinds and kind not in wanted.kinds:
            self.fault(path, f"expected a @{' or @'.join(wanted.kinds)} block, got @{kind}")
        elif isinstance(name, Reference):
            return None
        elif not isinstance(name, str):
            self.fault(path, f"expected the name of a component in double quotes, got {found(name)}")
        else:
            try:
                return kinds()[kind].get(name)  # type: ignore[no-any-return]
            except (UnknownComponent, BrokenComponent, NameClash) as error:
                self.fault(path, str(error))
        return None


def plain(default: Any) -> Any:
    """Return a default as what a file would hold: dataclasses and tuples become sections and lists."""
    if dataclasses.is_dataclass(default) and not isinstance(default, type):
        return {f.name: plain(getattr(default, f.name)) for f in dataclasses.fields(default)}
    if isinstance(default, Mapping):
        return {key: plain(part) for key, part in default.items()}
    if isinstance(default, list | tuple):
        return [plain(part) for part in default]
    return str(default) if isinstance(default, PurePath) else default


def _write(wanted: Block) -> str:
    if not wanted.kinds:
        return "expected a block with a line @kind = "
    known = [name for kind in wanted.kinds for name in kinds()[kind].components()]
    return f'write @{wanted.kinds[0]} = "name" there. Known: {", ".join(known) or "none"}'
