"""Single pixels and fields: series of numbers instead of images."""
