"""Modalities that belong to no sensor."""
