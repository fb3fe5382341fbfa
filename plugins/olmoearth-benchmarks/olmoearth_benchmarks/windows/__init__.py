"""Data sets of windows with layers, in the layout of rslearn."""
