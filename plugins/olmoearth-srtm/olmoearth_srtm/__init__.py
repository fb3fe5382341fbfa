"""SRTM elevation for OlmoEarth."""
