"""What the datasets of GEO-Bench 2 share: their container, their folder, and how records become samples."""
