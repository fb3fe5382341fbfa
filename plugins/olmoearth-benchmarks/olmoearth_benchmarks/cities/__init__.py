"""The published cities, and how they become tiles."""
