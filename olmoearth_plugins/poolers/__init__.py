"""Learned pooling inside an encoder."""
