"""What is measured of what ships."""
