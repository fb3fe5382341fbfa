"""From raw samples to what a network takes: bands by name, scales, time steps, image sizes and patch grids."""
