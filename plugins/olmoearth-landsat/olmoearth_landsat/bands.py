"""Where the bands of the Landsat 8 and 9 instruments lie in the spectrum."""

from __future__ import annotations

WAVELENGTHS_NM = {
    "B1": 442.96,
    "B2": 482.04,
    "B3": 561.41,
    "B4": 654.59,
    "B5": 864.67,
    "B6": 1608.86,
    "B7": 2200.73,
    "B8": 589.50,
    "B9": 1373.43,
    "B10": 10895.0,
    "B11": 12005.0,
}
"""Central wavelengths of Landsat 8: OLI from its spectral response (Barsi et al. 2014), TIRS as middles of the bands.

Source: Landsat 8 Data Users Handbook, https://www.usgs.gov/landsat-missions/landsat-8
"""
