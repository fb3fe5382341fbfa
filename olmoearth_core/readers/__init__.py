"""From a file of a provider to pixels with names, places, times and units."""
