"""OpenStreetMap features, as vectors and rasters, for OlmoEarth."""
