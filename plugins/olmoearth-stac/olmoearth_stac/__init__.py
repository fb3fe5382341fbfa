"""Tile stores from STAC catalogues: searched once, frozen, downloaded with care, and made again without a network."""
