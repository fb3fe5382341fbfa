"""The published scenes of MADOS, and how they become tiles."""
