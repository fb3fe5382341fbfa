"""Masking strategies for OlmoEarth."""
