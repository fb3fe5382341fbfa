"""From the pixels of a patch to a token."""
