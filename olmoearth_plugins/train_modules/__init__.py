"""Objectives: from a masked batch to the terms of a loss."""
