"""Models from elsewhere and trivial baselines, each fed in the units it was made for."""
