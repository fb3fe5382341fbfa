"""An image cannot point elsewhere, and what its header declares is judged before anything is allocated."""

import struct

import numpy as np
import pytest
from fuzz_products import raster

from olmoearth_core.convert.rasters import _opened as opened_tile
from olmoearth_core.errors import DataError
from olmoearth_core.readers.layers import opened


def tiff(path, width, height, tile=None):
    """A GeoTIFF header of 8-bit pixels with hardly any data behind it."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
    tags += [(322, 4, tile), (323, 4, tile), (324, 4, 8), (325, 4, 64)] if tile else [(273, 4, 8), (279, 4, 64)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    path.write_bytes(b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + entries + bytes(4))
    return str(path)


@pytest.mark.parametrize("open_it", [opened, opened_tile])
def test_a_list_of_other_files_is_no_geotiff_whatever_its_name(tmp_path, open_it):
    secret = raster(tmp_path / "secret.tif", np.full((1, 2, 2), 7, np.uint8))
    path = tmp_path / "image.tif"
    path.write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{secret}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(DataError, match=r"image\.tif: cannot be read"), open_it(str(path)):
        pass


@pytest.mark.parametrize(("side", "tile", "said"), [(2**31 - 1, None, "are declared"), (100_000, 65_536, "blocks of")])
def test_a_huge_declared_image_is_refused_before_it_is_read(tmp_path, side, tile, said):
    path = tiff(tmp_path / "huge.tif", side, side, tile)
    with pytest.raises(DataError, match=rf"huge\.tif: .*{said}"), opened(path):
        pass
