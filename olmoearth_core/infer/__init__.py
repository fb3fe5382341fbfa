"""From a model and a raster to a map of embeddings."""
