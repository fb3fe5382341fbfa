"""A simulated landscape and an importer of site windows for OlmoEarth."""
