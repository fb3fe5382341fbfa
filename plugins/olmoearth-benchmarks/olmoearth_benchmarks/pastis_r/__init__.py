"""The published patches of PASTIS-R, and how they become monthly images."""
