"""From visible tokens to predictions of hidden ones."""
