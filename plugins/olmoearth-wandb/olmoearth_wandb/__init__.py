"""Weights & Biases tracking for OlmoEarth."""
