"""Sentinel-2 optical imagery (L2A, L1C) and NDVI for OlmoEarth."""
