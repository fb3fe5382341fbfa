"""One thing on the map: its category, its shape and the tags that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True)
class Feature:
    """One feature of one category.

    category: one of the thirty. shape: in degrees (longitude first) or in metres, as its owner says. tags: copied ones.
    origin: kind and number of the object, such as ("way", 4217); ("", 0) where nobody knows.
    """

    category: str
    shape: BaseGeometry
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: tuple[str, int] = ("", 0)
