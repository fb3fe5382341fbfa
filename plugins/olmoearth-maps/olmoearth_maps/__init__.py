"""Map products (WorldCereal, CDL, canopy height, WorldPop, EuroCrops, GSE) for OlmoEarth."""
