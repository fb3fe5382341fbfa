"""NAIP aerial imagery for OlmoEarth."""
