"""From files and overrides to a checked tree of named components."""
