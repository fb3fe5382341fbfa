"""Tasks of the research papers under the names of the reference, as data."""
