"""What is known of a catalogue, as data: where it answers, what of it serves which modality, and who opens that.

A profile is a TOML file. Those beside this module are known by name; anybody can write one more.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from olmoearth_core.errors import DataError
from olmoearth_core.ingest.materialize import Need
from olmoearth_core.names import closest

FOLDER = Path(__file__).parent / "profiles"
_LARGEST = 2**20
Part = TypeVar("Part")


@dataclass(frozen=True)
class Signing:
    """Short-lived tokens for hosts whose names end so; account and container are parts of an asset's address.

    open_accounts: those that need no token. key_variable: environment variable with an optional key for tokens, sent
    in the header `key_header`.
    """

    token_url: str
    hosts: tuple[str, ...]
    open_accounts: tuple[str, ...] = ()
    key_variable: str = ""
    key_header: str = "Ocp-Apim-Subscription-Key"


@dataclass(frozen=True)
class Bucket:
    """Where a bucket of `s3://` addresses is served. key_variable etc.: environment variables; "" = open to all."""

    endpoint: str
    region: str = "us-east-1"
    requester_pays: bool = False
    key_variable: str = ""
    secret_variable: str = ""
    session_variable: str = ""


@dataclass(frozen=True)
class Entry:
    """How a collection serves a modality.

    reader, options: the component that opens an item, and its arguments. opens: "item" = the item's JSON beside its
    files, otherwise the asset that is opened alone. bands: band -> asset. clear: assets needed to know where the ground
    is seen. also: further assets that the reader wants where they exist. alternate: which of an asset's alternate
    addresses is fetched; "" = the main one. where: property -> value, or a list of which one must be it, or, for a
    property that is a list, the same list in any order. always: valid at any time. around_days: how long before and
    after the year of a window scenes serve too. lasts_days: how long an item without an end is valid. declare: option
    of the reader -> why a copy of the profile must state it before anything is fetched.
    """

    collection: str
    reader: str
    bands: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    opens: str = "item"
    clear: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    alternate: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    always: bool = False
    around_days: int = 0
    lasts_days: int = 0
    declare: Mapping[str, str] = field(default_factory=dict)

    @property
    def assets(self) -> tuple[str, ...]:
        """All assets that may be wanted, in alphabetical order."""
        return tuple(sorted({*self.bands.values(), *self.clear, *self.also}))

    @property
    def need(self) -> Need:
        """The reader that opens its items."""
        return Need(self.reader, self.options)


@dataclass(frozen=True)
class Profile:
    """A catalogue. sha256: of the file it was read from. method: how it is searched."""

    name: str
    url: str
    modalities: Mapping[str, Entry]
    signing: Signing | None = None
    s3: Mapping[str, Bucket] = field(default_factory=dict)
    method: str = "POST"
    sha256: str = ""

    def entry(self, modality: str) -> Entry:
        """Return how a modality is served; DataError if it is not."""
        if modality not in self.modalities:
            raise DataError(
                f'catalogue {self.name}: it has no "{modality}", only {", ".join(sorted(self.modalities))}. Leave the '
                f"modality out, take another catalogue, or write a profile of your own (see {FOLDER})."
            )
        return self.modalities[modality]

    def need(self, modality: str) -> Need:
        """Return the reader of a modality; DataError if its profile leaves something open that must be declared."""
        entry = self.entry(modality)
        if missing := [option for option in sorted(entry.declare) if option not in entry.options]:
            todo = f"options = {{ {missing[0]} = true }} below [modalities.{modality}] of a copy of the profile"
            raise DataError(
                f"catalogue {self.name}: {modality}: {entry.declare[missing[0]]} To take it nevertheless, write {todo} "
                f"(see {FOLDER})."
            )
        return entry.need


def named() -> tuple[str, ...]:
    """Return the names of the profiles that come with this package."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def open_profile(catalog: str) -> Profile:
    """Return a profile by name, by the path of a file, or by NAME=URL: that profile, answered at another address.

    A URL alone is taken for the address of a catalogue that names collections and assets as `planetary_computer` does,
    without its tokens.

    Raises:
        DataError: there is no such profile, or its file is malformed; names the key.
    """
    name, equals, url = catalog.partition("=")
    if equals and name in named():
        return _moved(_read(FOLDER / f"{name}.toml"), _address(url, catalog))
    if "://" in catalog:
        return _moved(_read(FOLDER / "planetary_computer.toml"), _address(catalog, catalog), name=_label(catalog))
    if catalog in named():
        return _read(FOLDER / f"{catalog}.toml")
    if catalog.endswith(".toml"):
        return _read(Path(catalog))
    meant = closest(catalog, named())
    hint = f' Did you mean "{meant}"?' if meant else ""
    raise DataError(f'catalogue "{catalog}": expected {", ".join(named())}, a URL, or a profile (.toml).{hint}')


def _moved(profile: Profile, url: str, *, name: str | None = None) -> Profile:
    signing = None if name else profile.signing
    return Profile(name or profile.name, url, profile.modalities, signing, profile.s3, profile.method, profile.sha256)


def _label(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}_{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _address(url: str, where: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise DataError(f'{where.partition("?")[0]}: expected an address such as "https://host/stac/v1".')
    return url.rstrip("/")


def _read(path: Path) -> Profile:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path}: {path.stat().st_size:,} bytes, expected a profile of a few kilobytes.")
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Known profiles: {', '.join(named())}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: is no TOML ({error}).") from error
    modalities = {m: _entry(f"{path}: modalities.{m}", v) for m, v in _table(path, data, "modalities").items()}
    buckets = {b: _part(Bucket, f"{path}: s3.{b}", v) for b, v in _table(path, data, "s3").items()}
    signing = _part(Signing, f"{path}: signing", data["signing"]) if "signing" in data else None
    data |= {"modalities": modalities, "s3": buckets, "signing": signing}
    profile = _part(Profile, str(path), data | {"sha256": hashlib.sha256(content).hexdigest()})
    _address(profile.url, str(path))
    if profile.method not in ("GET", "POST"):
        raise DataError(f'{path}: method is "{profile.method}", expected GET or POST.')
    return profile


def _table(path: Path, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise DataError(f"{path}: {key} is {type(found).__name__}, expected a table [{key}.NAME].")
    return found


def _entry(where: str, values: Any) -> Entry:
    entry = _part(Entry, where, values)
    if not entry.bands or not all(isinstance(asset, str) for asset in entry.bands.values()):
        raise DataError(f"{where}: bands must name the asset of each band.")
    if entry.opens != "item" and entry.opens not in entry.assets:
        raise DataError(f'{where}: opens is "{entry.opens}", expected "item" or one of {", ".join(entry.assets)}.')
    return entry


_SORTS = {
    "str": str, "bool": bool, "int": int, "tuple[str, ...]": tuple,
    "Mapping[str, str]": dict, "Mapping[str, Any]": dict,
}  # fmt: skip


def _part(kind: type[Part], where: str, values: Any) -> Part:
    """Build a part of a profile from a table; each key must be known and of its sort."""
    if not isinstance(values, dict):
        raise DataError(f"{where}: found {type(values).__name__}, expected a table.")
    known = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]
    if strange := sorted(set(values) - set(known)):
        raise DataError(f'{where}: "{strange[0]}" is not known; expected {", ".join(known)}.')
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in given.items():
        sort = _SORTS.get(known[key])
        texts = sort is not tuple or (isinstance(value, tuple) and all(isinstance(v, str) for v in value))
        if sort is not None and not (type(value) is sort and texts):
            raise DataError(f"{where}: {key} is {value!r}, expected {known[key]}.")
    try:
        return kind(**given)
    except TypeError as error:
        raise DataError(f"{where}: {error}.") from error
