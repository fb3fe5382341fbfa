"""ESA WorldCover land cover for OlmoEarth."""
