"""Sentinel-1 radar backscatter for OlmoEarth."""
