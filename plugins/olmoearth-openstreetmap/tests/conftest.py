"""Real extracts, lent beside the repository, and made-up ones of a few objects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SAMPLES = Path(os.environ.get("OLMOEARTH_SAMPLES", Path(__file__).parents[4] / "shared" / "samples") or "/nowhere")


def _real(name):
    if not (path := SAMPLES / name).is_file():
        pytest.skip(f"no real samples in {SAMPLES}")
    return str(path)


@pytest.fixture
def helsinki():
    return _real("helsinki/Helsinki.osm.pbf")


@pytest.fixture
def andorra():
    return _real("andorra/andorra.osm.pbf")


@pytest.fixture
def extract(tmp_path):
    """Write a made-up extract: nodes {number: (lon, lat, tags)}, ways {number: (nodes, tags)}, relations alike."""
    import osmium
    from osmium.osm import mutable

    def write(nodes, ways=(), relations=(), *, box=None, packing="zlib", name="made_up.osm.pbf"):
        path, header = tmp_path / name, osmium.io.Header()
        if box is not None:
            header.add_box(osmium.osm.Box(*box))
        file = osmium.io.File(str(path), f"pbf,pbf_compression={packing}")
        with osmium.SimpleWriter(file, header=header, overwrite=True) as out:
            for number, (lon, lat, tags) in dict(nodes).items():
                out.add_node(mutable.Node(id=number, location=(lon, lat), tags=tags, version=1))
            for number, (refs, tags) in dict(ways).items():
                out.add_way(mutable.Way(id=number, nodes=refs, tags=tags, version=1))
            for number, (members, tags) in dict(relations).items():
                out.add_relation(mutable.Relation(id=number, members=members, tags=tags, version=1))
        return str(path)

    return write


@pytest.fixture
def town(extract):
    """A house with a courtyard (relation), a plain house, a road whose last node is missing, a fountain and a mast."""
    ring = [(25.0, 60.0), (25.004, 60.0), (25.004, 60.002), (25.0, 60.002)]
    court = [(25.001, 60.0005), (25.003, 60.0005), (25.003, 60.0015), (25.001, 60.0015)]
    house = [(25.01, 60.0), (25.011, 60.0), (25.011, 60.001)]
    nodes = {number: (*place, {}) for number, place in enumerate(ring + court + house, start=1)}
    nodes[20] = (25.006, 60.001, {"amenity": "fountain"})
    nodes[21] = (25.007, 60.001, {"man_made": "water_tower"})
    nodes[22] = (25.008, 60.001, {"man_mode": "water_tower"})
    ways = {
        1: ([1, 2, 3, 4, 1], {}), 2: ([5, 6, 7, 8, 5], {}), 3: ([9, 10, 11, 9], {"building": "shed", "leisure": "x"}),
        4: ([1, 2, 9, 999], {"highway": "residential"}), 5: ([9, 10, 11], {"building": "yes"}),
        6: ([10, 999], {"highway": "path"}),
    }  # fmt: skip
    courtyard = {1: ([("w", 1, "outer"), ("w", 2, "inner")], {"type": "multipolygon", "building": "yes"})}
    return extract(nodes, ways, courtyard, box=(24.999, 59.999, 25.012, 60.003))
