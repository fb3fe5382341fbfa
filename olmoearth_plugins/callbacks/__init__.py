"""What looks on during a run, and what takes part in it."""
