"""A search that becomes a table: what is kept of the answers, and what is left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from olmoearth_stac.item import Item, facts, kept
from olmoearth_stac.journal import Answer, Journal
from olmoearth_stac.profile import Entry, Profile
from olmoearth_stac.queries import Query
from olmoearth_stac.search import search
from olmoearth_stac.table import Table
from olmoearth_stac.web import Web


def wanted_assets(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """Return collection -> assets that somebody may open."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(entry.collection, set()).update(entry.assets)
    return wanted


def frozen(
    profile: Profile, asked: Sequence[Query], assets: Mapping[str, set[str]], web: Web, date: str, journal: Journal
) -> Table:
    """Ask a catalogue and return what it answered. date: of the search, as the user says it."""
    items: dict[tuple[str, str], Item] = {}
    left_out: set[str] = set()
    for answer in _answers(profile, asked, assets, web, journal):
        items |= {(str(item["collection"]), str(item["id"])): item for item in answer.items}
        left_out.update(answer.left_out)
    names = {collection: tuple(sorted(found)) for collection, found in assets.items()}
    rows = tuple(items.values())
    return Table(profile.name, profile.url, tuple(asked), names, rows, date, tuple(left_out), profile.sha256)


def _answers(
    profile: Profile, asked: Sequence[Query], assets: Mapping[str, set[str]], web: Web, journal: Journal
) -> Iterator[Answer]:
    known = journal.read()
    yield from (known[query] for query in asked if query in known)
    for query, found in search(profile, [query for query in asked if query not in known], web):
        answer = _understood(query, found, assets[query.collection])
        journal.add(answer)
        yield answer


def _understood(query: Query, found: Sequence[Item], assets: set[str]) -> Answer:
    items: list[Item] = []
    left_out: list[str] = []
    for item in found:
        try:
            facts(item)
            if item.get("collection") != query.collection:
                raise ValueError(f"it is of collection {str(item.get('collection'))[:80]}")
            items.append(kept(item, assets))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            label = str(item.get("id", "without id"))[:120]
            left_out.append(f"{query.collection}/{label}: {str(error)[:200]}")
    return Answer(query, tuple(items), tuple(left_out))
