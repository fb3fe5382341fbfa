"""What predictions are compared with."""
