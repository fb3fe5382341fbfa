"""From a model and a benchmark to scores that say how sure they are."""
