"""Protocols that turn features into scores."""
