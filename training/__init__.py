"""Learn the networks, measure them, draw the figures. `python -m training --help`."""
