"""Benchmarks for OlmoEarth."""
