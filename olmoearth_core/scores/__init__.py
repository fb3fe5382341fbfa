"""From predictions and truth to numbers that say how sure they are."""
