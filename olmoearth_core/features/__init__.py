"""From a model's tokens to features: pooled, kept, made smaller, compared."""
