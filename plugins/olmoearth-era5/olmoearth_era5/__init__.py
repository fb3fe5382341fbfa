"""ERA5 and ERA5-Land weather for OlmoEarth."""
