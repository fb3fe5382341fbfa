"""From scenes of providers to tiles of a store: which window, which months, which pixels."""
