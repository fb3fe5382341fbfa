"""From tiles and site windows to H5 sample files."""
