"""Landsat 8/9 Level-1 and Level-2 imagery for OlmoEarth."""
