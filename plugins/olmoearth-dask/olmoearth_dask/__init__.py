"""Run OlmoEarth conversions on a dask cluster."""
