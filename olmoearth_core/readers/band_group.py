"""Which image a path stands for, where each band is a file of its own and several images may share a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from olmoearth_core.errors import DataError


class Group(Protocol):
    """Files of one image. stem: what their names begin with."""

    @property
    def stem(self) -> str:
        """What names of files begin with."""
        ...


Found = TypeVar("Found", bound=Group)


def the_group(
    path: str, groups: Callable[[str], Sequence[Found]], belongs: Callable[[Found, str], bool], none: str
) -> Found:
    """Return the group that a folder, one of its files, or what their names begin with stands for.

    groups: images of a folder. belongs: whether a file name is of a group. none: what was expected, for messages.

    Raises:
        DataError: there is none, or a folder has several.
    """
    folder, name = (path, "") if os.path.isdir(path) else os.path.split(path)
    if name and not os.path.exists(path) and not os.path.isdir(folder or "."):
        raise DataError(f"{path}: not found. Give a folder, or one of the files of an image.")
    found = list(groups(folder or "."))
    if name:
        exact = [group for group in found if belongs(group, name)]
        found = exact or [group for group in found if not os.path.exists(path) and group.stem.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        stems = ", ".join(f'"{group.stem}"' for group in found[:4])
        raise DataError(f"{path}: {len(found)} images begin so ({stems}). Give one of their files.")
    raise DataError(f"{path}: {none}")
