"""From H5 files to masked batches."""
