"""What the benchmarks of GEO-Bench v1 share: their folders, their pickles read as data, their bands."""
