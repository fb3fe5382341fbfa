"""The published flood chips, and how they become tiles."""
