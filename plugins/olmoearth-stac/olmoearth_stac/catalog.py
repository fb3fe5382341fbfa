"""A STAC catalogue as a source of tiles: its answers are frozen first, and everything after works from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.interfaces.modality import ModalitySpec
from olmoearth_core.interfaces.reader import Reader
from olmoearth_core.interfaces.source import Progress, Source, Written

if TYPE_CHECKING:
    from olmoearth_core.ingest.materialize import Need
    from olmoearth_core.ingest.run import Finders
    from olmoearth_core.ingest.windows import Window
    from olmoearth_stac.profile import Profile
    from olmoearth_stac.queries import Query
    from olmoearth_stac.table import Table
    from olmoearth_stac.web import Web

NAME = "stac.catalog.v1"
CACHE = Path("~/.cache/olmoearth/stac")


@dataclass(frozen=True)
class Catalog:
    """A STAC catalogue, asked at most once. Fields as the arguments of `catalog`."""

    catalog: str
    items: Path
    windows: Path | None
    cache: Path
    cache_limit_gb: float | None
    refresh: bool
    date: str
    rate: float | None
    retries: int
    timeout: float
    name: str = NAME
    writes: Written = "tiles"

    def write(self, out: str | Path, specs: Sequence[ModalitySpec], *, progress: Progress | None = None) -> Path:
        """Write the tiles of the listed windows and return the store; modalities that it has not are left out."""
        from olmoearth_core.ingest.materialize import materialize
        from olmoearth_core.ingest.windows import read_windows

        if self.windows is None:
            raise ConfigError(f"{NAME}: windows is not set. Give the list that `olmoearth dataset select` writes.")
        known = [spec for spec in specs if spec.name in self._profile().modalities]
        report = materialize(out, read_windows(self.windows).windows, known, self, progress=progress)
        bad = [outcome for outcome in report.outcomes if outcome.status == "failed"]
        if bad:
            raise DataError(f"{len(bad)} tiles failed, the first {bad[0].window} {bad[0].modality}: {bad[0].reason}")
        return report.store

    def needs(self, specs: Sequence[ModalitySpec]) -> Mapping[str, Need]:
        """Return modality -> the reader of its scenes; DataError for a modality that the catalogue has not."""
        profile = self._profile()
        return {spec.name: profile.need(spec.name) for spec in specs}

    def finders(
        self, windows: Sequence[Window], specs: Sequence[ModalitySpec], readers: Mapping[str, Reader]
    ) -> Finders:
        """Search if there is no table yet, and return who finds the scenes of each modality in it."""
        from olmoearth_stac.access import Access
        from olmoearth_stac.queries import queries
        from olmoearth_stac.scenes import Scenes
        from olmoearth_stac.shelf import Shelf

        profile = self._profile()
        web = self._web()
        asked = queries(profile, windows, specs)
        table = self._table(profile, asked, specs, web)
        most = None if self.cache_limit_gb is None else int(self.cache_limit_gb * 1e9)
        shelf, access = Shelf(self.cache, most), Access(profile, web)
        shelf.clear()
        return {
            spec.name: Scenes(
                str(self.items), table.sha256, profile.entry(spec.name), readers[spec.name], access, shelf
            )
            for spec in specs
        }

    def _table(self, profile: Profile, asked: Sequence[Query], specs: Sequence[ModalitySpec], web: Web) -> Table:
        from olmoearth_stac.freeze import frozen, wanted_assets
        from olmoearth_stac.journal import Journal, alone
        from olmoearth_stac.table import read_table, write_table

        assets = wanted_assets([profile.entry(spec.name) for spec in specs])
        if self.refresh or not self.items.exists():
            with alone(self.items):
                # Another shard may have searched while this one waited.
                if self.refresh or not self.items.exists():
                    journal = Journal.beside(self.items, profile, assets)
                    write_table(self.items, frozen(profile, asked, assets, web, self.date, journal))
                    journal.remove()
        table = read_table(self.items)
        table.check(self.items, profile, asked, assets)
        return table

    def _profile(self) -> Profile:
        from olmoearth_stac.profile import open_profile

        return open_profile(self.catalog)

    def _web(self) -> Web:
        from olmoearth_stac.rate import Rate
        from olmoearth_stac.waiting import Schedule
        from olmoearth_stac.web import Web

        return Web(Rate(self.rate, self.cache / ".rate"), Schedule(self.retries), self.timeout)


def catalog(
    *,
    catalog: str = "planetary_computer",
    items: str = "items.jsonl",
    windows: str | None = None,
    cache: str | None = None,
    cache_limit_gb: float | None = None,
    refresh: bool = False,
    date: str = "",
    rate: float | None = 5.0,
    retries: int = 5,
    timeout: float = 60.0,
) -> Source:
    """Tiles from a STAC catalogue: Planetary Computer, Earth Search, CDSE, or any other.

    catalog: a known name, NAME=URL (that profile at another address), a URL, or the file of a profile (.toml).
    items: frozen table of what the catalogue answered (.jsonl or .jsonl.gz); if it exists nothing is searched.
    windows: list of windows, only for `write`. cache: folder of downloads, null = one in the user's cache folder.
    cache_limit_gb: bound of that folder; null = none. refresh: search again. date: of the search, noted in the table.
    rate: requests per second over all processes; null = no limit. retries: further tries of a request.
    timeout: seconds to wait for an answer, and between two pieces of one.
    """
    place = Path(cache).expanduser() if cache else CACHE.expanduser()
    listed = None if windows is None else Path(windows)
    return Catalog(
        catalog, Path(items), listed, place, cache_limit_gb, refresh, date, rate, retries, timeout,
    )  # fmt: skip
