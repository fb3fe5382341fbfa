"""The official components that need no further dependency."""
