"""Layouts of models that others have published."""
