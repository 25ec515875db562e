"""What is measured of the panel for photos."""
