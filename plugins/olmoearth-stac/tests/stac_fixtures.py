"""Scenes as a catalogue has them: items with everything that real ones carry, and their files."""

from datetime import UTC, datetime

import numpy as np
import rasterio

from olmoearth_core.convert.grid import Cell

CELL = Cell("EPSG:32631", 16, 195, -2187)
TIME = datetime(2021, 6, 15, tzinfo=UTC)


def geotiff(values, path):
    """A GeoTIFF of one band on the cell's own pixels, as bytes."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 256, "width": 256, "crs": CELL.crs}
    with rasterio.open(path, "w", **profile, transform=CELL.transform(16), nodata=-32768.0) as raster:
        raster.write(values.astype(np.float32), 1)
    return path.read_bytes()


def radar_item(url, number, day, *, polarizations=("VV", "VH"), query=""):
    """An item as catalogues send it: with links, signed addresses, checksums and things that nobody asked for."""
    south, west = CELL.latlon() - 0.03
    box = [float(west), float(south), float(west) + 0.06, float(south) + 0.06]
    name = f"S1_{number:03d}"
    assets = {
        band: {"href": f"{url}/data/{name}/{name}_{band}.tif{query}", "type": "image/tiff; application=geotiff"}
        for band in ("vv", "vh")
    }
    return {
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": name, "collection": "radar",
        "bbox": box, "geometry": {"type": "Point", "coordinates": box[:2]},
        "properties": {"datetime": f"{day}T05:30:00Z", "sar:polarizations": list(polarizations)},
        "links": [{"rel": "self", "href": f"{url}/x?sig=SECRETLINK"}],
        "assets": {**assets, "preview": {"href": f"{url}/preview.png?sig=SECRETPREVIEW"}},
    }  # fmt: skip
