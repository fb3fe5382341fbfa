"""From tokens to features."""
