"""A thermal camera, a masking strategy and a loss: the example of the plugin tutorial."""
