"""From pixels to tokens."""
